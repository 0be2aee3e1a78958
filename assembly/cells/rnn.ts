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
 * Tail: for odd n the last element is computed alone, by the same arithmetic.
 */
export function rnn_gates_backward(n: usize, h: usize, dy: usize, dh: usize, dGates: usize): void {
  const one = f64x2.splat(1);
  for (let j: usize = 0; j < n; j += lanes<f64>()) {
    const at = j * sizeof<f64>();
    const live = n - j;
    const a = loadLanes<f64>(h + at, live);
    const d = f64x2.add(loadLanes<f64>(dy + at, live), loadLanes<f64>(dh + at, live));
    storeLanes<f64>(dGates + at, f64x2.mul(f64x2.sub(one, f64x2.mul(a, a)), d), live);
  }
}
