import { lanes, loadDoubles, loadLanes, storeDoubles, storeLanes } from "../base/lanes";

/**
 * RMSprop as torch.optim.RMSprop: d = g + decay·w; s = αs + (1 − α)d²; d /= √s + ε; if momentum ≠ 0, v = momentum·v + d and
 * d = v; w −= rate·d. With `mean`: a = αa + (1 − α)d, and s − a², at least 0, takes the place of s under the root ("centered").
 *
 * - g:     in; (n)
 * - w:     in/out; (n)
 * - s:     in/out; (n)
 * - v:     in/out; (n); not read or written if momentum is 0
 * - mean:  in/out; (n), or 0 (no pointer)
 *
 * Tail: for odd n the last element is computed alone, by the same arithmetic.
 */
export function rmsprop_update<T>(
  n: usize,
  rate: f64,
  decay: f64,
  alpha: f64,
  epsilon: f64,
  momentum: f64,
  g: usize,
  w: usize,
  s: usize,
  v: usize,
  mean: usize,
): void {
  const rates = f64x2.splat(rate);
  const decays = f64x2.splat(decay);
  const alphas = f64x2.splat(alpha);
  const rests = f64x2.splat(1 - alpha);
  const momenta = f64x2.splat(momentum);
  const epsilons = f64x2.splat(epsilon);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const at = i * sizeof<f64>();
    const from = i * sizeof<T>();
    const live = n - i;
    const weight = loadDoubles<T>(w + from, live);
    let d = loadDoubles<T>(g + from, live);
    if (decay !== 0) d = f64x2.add(d, f64x2.mul(decays, weight));
    const part = f64x2.mul(f64x2.mul(rests, d), d);
    let square = f64x2.add(f64x2.mul(alphas, loadLanes<f64>(s + at, live)), part);
    storeLanes<f64>(s + at, square, live);
    if (mean !== 0) {
      const kept = f64x2.mul(alphas, loadLanes<f64>(mean + at, live));
      const average = f64x2.add(kept, f64x2.mul(rests, d));
      storeLanes<f64>(mean + at, average, live);
      square = f64x2.pmax(f64x2.sub(square, f64x2.mul(average, average)), f64x2.splat(0));
    }
    d = f64x2.div(d, f64x2.add(f64x2.sqrt(square), epsilons));
    if (momentum !== 0) {
      d = f64x2.add(f64x2.mul(momenta, loadLanes<f64>(v + at, live)), d);
      storeLanes<f64>(v + at, d, live);
    }
    storeDoubles<T>(w + from, f64x2.sub(weight, f64x2.mul(rates, d)), live);
  }
}
