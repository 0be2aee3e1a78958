import { lanes, loadDoubles, loadLanes, storeDoubles, storeLanes } from "../base/lanes";

/**
 * Adam as torch.optim.Adam and AdamW: w *= shrink; d = g + decay·w; m = β₁m + (1 − β₁)d; v = β₂v + (1 − β₂)d²;
 * w −= rate·m / (√v / root + ε). The caller passes rate / (1 − β₁ᵗ) as `rate` and √(1 − β₂ᵗ) as `root`. With `most` the
 * largest v of all updates takes the place of v (AMSGrad).
 *
 * - g:     in; (n)
 * - w:     in/out; (n)
 * - m, v:  in/out, the moments; (n)
 * - most:  in/out; (n), or 0 (no pointer)
 *
 * Tail: for odd n the last element is computed alone, by the same arithmetic.
 */
export function adam_update<T>(
  n: usize,
  rate: f64,
  decay: f64,
  shrink: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  root: f64,
  g: usize,
  w: usize,
  m: usize,
  v: usize,
  most: usize,
): void {
  const rates = f64x2.splat(rate);
  const decays = f64x2.splat(decay);
  const first = f64x2.splat(beta1);
  const second = f64x2.splat(beta2);
  const firstRest = f64x2.splat(1 - beta1);
  const secondRest = f64x2.splat(1 - beta2);
  const shrinks = f64x2.splat(shrink);
  const roots = f64x2.splat(root);
  const epsilons = f64x2.splat(epsilon);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const at = i * sizeof<f64>();
    const from = i * sizeof<T>();
    const live = n - i;
    const weight = f64x2.mul(loadDoubles<T>(w + from, live), shrinks);
    let d = loadDoubles<T>(g + from, live);
    if (decay !== 0) d = f64x2.add(d, f64x2.mul(decays, weight));
    const mean = f64x2.add(f64x2.mul(first, loadLanes<f64>(m + at, live)), f64x2.mul(firstRest, d));
    storeLanes<f64>(m + at, mean, live);
    const square = f64x2.mul(f64x2.mul(secondRest, d), d);
    let spread = f64x2.add(f64x2.mul(second, loadLanes<f64>(v + at, live)), square);
    storeLanes<f64>(v + at, spread, live);
    if (most !== 0) {
      spread = f64x2.pmax(loadLanes<f64>(most + at, live), spread);
      storeLanes<f64>(most + at, spread, live);
    }
    const scale = f64x2.div(f64x2.sqrt(spread), roots);
    const step = f64x2.div(f64x2.mul(rates, mean), f64x2.add(scale, epsilons));
    storeDoubles<T>(w + from, f64x2.sub(weight, step), live);
  }
}
