import { F } from "../base/activations";
import { loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { activation_map, activationBackward } from "../blas/activations";

/**
 * One time step of an RNN after its products, with any activation: h = f(gates), f and its clip from a record.
 *
 * - n:            m·na
 * - activations:  in; the record, drawn in base/activations
 * - gates:        in; (m, na), pre-activations
 * - h:            out, set; (m, na); may be gates itself if no backward pass follows; no other overlap
 *
 * Tail: the bits of an element depend on that element alone.
 */
export function rnn_general_forward<T>(n: usize, activations: usize, gates: usize, h: usize): void {
  activation_map<T>(n, activations, F, gates, h);
}

/**
 * The derivative of `rnn_general_forward`: dGates = (dy + dh)·f'(gates), f' = 0 where a pre-activation is clamped.
 *
 * - n:            m·na
 * - activations:  in; the record, drawn in base/activations
 * - gates, h:     in; (m, na), the operand and the result of `rnn_general_forward`
 * - dy:           in; (m, na), gradient of h at this step from outside
 * - dh:           in; (m, na), gradient of h from the next step
 * - dGates:       out, set; (m, na); overlaps nothing
 *
 * Tail: the elements after the last whole vector are computed alone, by the same arithmetic.
 */
export function rnn_general_backward<T>(
  n: usize,
  activations: usize,
  gates: usize,
  h: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    const d = v128.add<T>(loadLanes<T>(dy + at, live), loadLanes<T>(dh + at, live));
    storeLanes<T>(dGates + at, d, live);
  }
  activationBackward<T>(n, activations, F, gates, h, dGates);
}
