import { lanes, loadDoubles, loadLanes, storeDoubles, storeLanes } from "../base/lanes";

/**
 * Stochastic gradient descent as torch.optim.SGD: d = g + decay·w; if momentum ≠ 0, v = momentum·v + (1 − dampening)·d (the
 * first update: v = d) and d = nesterov ? d + momentum·v : v; w −= rate·d.
 *
 * - nesterov, first:  0 or 1
 * - g:  in; (n)
 * - w:  in/out; (n)
 * - v:  in/out, the velocity; (n); not read or written if momentum is 0
 *
 * Tail: for odd n the last element is computed alone, by the same arithmetic.
 */
export function sgd_update<T>(
  n: usize,
  rate: f64,
  decay: f64,
  momentum: f64,
  dampening: f64,
  nesterov: i32,
  first: i32,
  g: usize,
  w: usize,
  v: usize,
): void {
  const rates = f64x2.splat(rate);
  const decays = f64x2.splat(decay);
  const momenta = f64x2.splat(momentum);
  const parts = f64x2.splat(1 - dampening);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const at = i * sizeof<f64>();
    const from = i * sizeof<T>();
    const live = n - i;
    const weight = loadDoubles<T>(w + from, live);
    let d = loadDoubles<T>(g + from, live);
    if (decay !== 0) d = f64x2.add(d, f64x2.mul(decays, weight));
    if (momentum !== 0) {
      let velocity = d;
      if (!first) {
        velocity = f64x2.mul(momenta, loadLanes<f64>(v + at, live));
        velocity = f64x2.add(velocity, f64x2.mul(parts, d));
      }
      storeLanes<f64>(v + at, velocity, live);
      d = nesterov ? f64x2.add(d, f64x2.mul(momenta, velocity)) : velocity;
    }
    storeDoubles<T>(w + from, f64x2.sub(weight, f64x2.mul(rates, d)), live);
  }
}
