import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { tanh_map } from "../blas/map";

/**
 * h = tanh(z), for all units of one time step.
 *
 * - n:  m·na
 * - z:  in; (m, na) pre-activations
 * - h:  out, set; (m, na); may be z itself
 */
export function rnn_gates_forward<T>(n: usize, z: usize, h: usize): void {
  tanh_map<T>(n, z, h);
}

/**
 * dz = (1 − h²)·(dy + dh), for all units of one time step.
 *
 * - n:   m·na
 * - h:   in; (m, na) what `rnn_gates_forward` gave
 * - dy:  in; (m, na) gradient that reaches h at this step from outside
 * - dh:  in; (m, na) gradient that reaches h from the next step
 * - dz:  out, set; (m, na); overlaps nothing
 */
export function rnn_gates_backward(n: usize, h: usize, dy: usize, dh: usize, dz: usize): void {
  const one = f64x2.splat(1);
  for (let j: usize = 0; j < n; j += lanes<f64>()) {
    const at = j * sizeof<f64>();
    const live = n - j;
    const a = loadLanes<f64>(h + at, live);
    const d = f64x2.add(loadLanes<f64>(dy + at, live), loadLanes<f64>(dh + at, live));
    storeLanes<f64>(dz + at, f64x2.mul(f64x2.sub(one, f64x2.mul(a, a)), d), live);
  }
}
