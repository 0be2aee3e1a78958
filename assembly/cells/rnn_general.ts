import { F } from "../base/activations";
import { loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { activation_map, activationBackward } from "../blas/activations";

/**
 * h = f(z), for all units of one time step, with the f and the clip of a record.
 *
 * - n:          m·na
 * - activations:  in; the record, drawn in base/activations
 * - z:          in; (m, na) pre-activations
 * - h:          out, set; (m, na); may be z itself, if there is no backward pass
 */
export function rnn_general_forward<T>(n: usize, activations: usize, z: usize, h: usize): void {
  activation_map<T>(n, activations, F, z, h);
}

/**
 * dz = (dy + dh)·f'(z), f' = 0 where z is clamped, for all units of one time step.
 *
 * - n:          m·na
 * - activations:  in; the record, drawn in base/activations
 * - z, h:       in; (m, na) what `rnn_general_forward` had and gave
 * - dy:         in; (m, na) gradient that reaches h at this step from outside
 * - dh:         in; (m, na) gradient that reaches h from the next step
 * - dz:         out, set; (m, na); overlaps nothing
 */
export function rnn_general_backward(
  n: usize,
  activations: usize,
  z: usize,
  h: usize,
  dy: usize,
  dh: usize,
  dz: usize,
): void {
  const bytes = n * sizeof<f64>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<f64>();
    const d = f64x2.add(loadLanes<f64>(dy + at, live), loadLanes<f64>(dh + at, live));
    storeLanes<f64>(dz + at, d, live);
  }
  activationBackward(n, activations, F, z, h, dz);
}
