// The exports of the kernels module. scripts/number_types_transform.mjs exports a generic kernel twice: in f64 under its own
// name, and in f32 with `_f32` appended; what the set training_f32 holds is f64 here. So are the others.
export { heap_base, is_relaxed } from "./base/module";
export { activation_map } from "./blas/activations";
export { gather_rows } from "./blas/gather";
export { gemm_packed } from "./blas/gemm";
export { exp_map, log_map, sigmoid_map, tanh_map } from "./blas/map";
export { pack_panels } from "./blas/pack";
export { promote } from "./blas/promote";
export { add_product_rows, add_rows } from "./blas/reductions";
export { row_by_four_panels } from "./blas/tiles";
export { reverse_axes } from "./blas/transpose";
export { gru_gates_backward, gru_gates_forward } from "./cells/gru";
export {
  gru_output_backward,
  gru_output_forward,
  gru_reset_backward,
  gru_reset_forward,
} from "./cells/gru_general";
export { lstm_gates_backward, lstm_gates_forward } from "./cells/lstm";
export { lstm_general_backward, lstm_general_forward } from "./cells/lstm_general";
export { rnn_gates_backward, rnn_gates_forward } from "./cells/rnn";
export { rnn_general_backward, rnn_general_forward } from "./cells/rnn_general";
export { cross_entropy_rows } from "./heads/cross_entropy";
export { score_rows } from "./heads/score";
export { log_softmax_rows, log_sum_exp_rows, softmax_rows } from "./heads/softmax";
export { add_norm_rows } from "./nn/add_norm";
