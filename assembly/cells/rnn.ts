import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { tanh_map } from "../blas/map";

/**
 * One time step of an RNN after its products: h = tanh(gates).
 *
 * - n:      m·na
 * - gates:  in; (m, na), pre-activations
 * - h:      out, set; (m, na); may be gates itself, no other overlap
 *
 * Tail: the bits of an element depend on that element alone.
 */
export function rnn_gates_forward<T>(n: usize, gates: usize, h: usize): void {
  tanh_map<T>(n, gates, h);
}

/**
 * The derivative of `rnn_gates_forward`: dGates = (1 − h²)·(dy + dh).
 *
 * - n:       m·na
 * - h:       in; (m, na), the result of `rnn_gates_forward`
 * - dy:      in; (m, na), gradient of h at this step from outside
 * - dh:      in; (m, na), gradient of h from the next step
 * - dGates:  out, set; (m, na); overlaps nothing
 *
 * Tail: the elements after the last whole vector are computed alone, by the same arithmetic.
 */
export function rnn_gates_backward<T>(
  n: usize,
  h: usize,
  dy: usize,
  dh: usize,
  dGates: usize,
): void {
  const one = v128.splat<T>(<T>1);
  for (let j: usize = 0; j < n; j += lanes<T>()) {
    const at = j * sizeof<T>();
    const live = n - j;
    const a = loadLanes<T>(h + at, live);
    const d = v128.add<T>(loadLanes<T>(dy + at, live), loadLanes<T>(dh + at, live));
    storeLanes<T>(dGates + at, v128.mul<T>(v128.sub<T>(one, v128.mul<T>(a, a)), d), live);
  }
}
