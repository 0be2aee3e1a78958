import { lanes, loadDoubles, loadLanes, storeDoubles, storeLanes } from "../base/lanes";

/**
 * Adagrad as torch.optim.Adagrad: d = g + decay·w; s += d²; w −= rate·d / (√s + ε).
 *
 * - g:  in; (n)
 * - w:  in/out; (n)
 * - s:  in/out; (n)
 *
 * Tail: for odd n the last element is computed alone, by the same arithmetic.
 */
export function adagrad_update<T>(
  n: usize,
  rate: f64,
  decay: f64,
  epsilon: f64,
  g: usize,
  w: usize,
  s: usize,
): void {
  const rates = f64x2.splat(rate);
  const decays = f64x2.splat(decay);
  const epsilons = f64x2.splat(epsilon);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const at = i * sizeof<f64>();
    const from = i * sizeof<T>();
    const live = n - i;
    const weight = loadDoubles<T>(w + from, live);
    let d = loadDoubles<T>(g + from, live);
    if (decay !== 0) d = f64x2.add(d, f64x2.mul(decays, weight));
    const sum = f64x2.add(loadLanes<f64>(s + at, live), f64x2.mul(d, d));
    storeLanes<f64>(s + at, sum, live);
    const step = f64x2.div(f64x2.mul(rates, d), f64x2.add(f64x2.sqrt(sum), epsilons));
    storeDoubles<T>(w + from, f64x2.sub(weight, step), live);
  }
}
