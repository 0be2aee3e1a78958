import { tanhVector } from "../base/activate";
import { ITEM, LANES, loadLanes, storeLanes, VECTOR } from "../base/lanes";

/**
 * h = tanh(z), for all units of one time step.
 *
 * - n:  m·na
 * - z:  in; (m, na) pre-activations
 * - h:  out, set; (m, na); may be z itself
 */
export function rnn_gates_forward(n: usize, z: usize, h: usize): void {
  for (let j: usize = 0; j < n; j += LANES) {
    storeLanes(h, tanhVector(loadLanes(z, n - j)), n - j);
    z += VECTOR;
    h += VECTOR;
  }
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
  for (let i: usize = 0; i < n * ITEM; i += VECTOR) {
    const live = n - i / ITEM;
    const a = loadLanes(h + i, live);
    const d = f64x2.add(loadLanes(dy + i, live), loadLanes(dh + i, live));
    storeLanes(dz + i, f64x2.mul(f64x2.sub(one, f64x2.mul(a, a)), d), live);
  }
}
