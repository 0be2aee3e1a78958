// The ABI of the kernels module: export lines only. A kernel works in f64; its twin in f32 ends in `_f32`.
export { heap_base, is_relaxed } from "./base/module";
export { activation_map, activation_map_f32 } from "./blas/activations";
export { gather_rows, gather_rows_f32 } from "./blas/gather";
export { gemm_packed, gemm_packed_f32 } from "./blas/gemm";
export {
  exp_map,
  exp_map_f32,
  log_map,
  sigmoid_map,
  sigmoid_map_f32,
  tanh_map,
  tanh_map_f32,
} from "./blas/map";
export { pack_panels, pack_panels_f32 } from "./blas/pack";
export { promote } from "./blas/promote";
export { add_product_rows, add_rows } from "./blas/reductions";
export { row_by_four_panels, row_by_four_panels_f32 } from "./blas/tiles";
export { reverse_axes } from "./blas/transpose";
export { gru_gates_backward, gru_gates_forward, gru_gates_forward_f32 } from "./cells/gru";
export {
  gru_output_backward,
  gru_output_forward,
  gru_output_forward_f32,
  gru_reset_backward,
  gru_reset_forward,
  gru_reset_forward_f32,
} from "./cells/gru_general";
export { lstm_gates_backward, lstm_gates_forward, lstm_gates_forward_f32 } from "./cells/lstm";
export {
  lstm_general_backward,
  lstm_general_forward,
  lstm_general_forward_f32,
} from "./cells/lstm_general";
export { rnn_gates_backward, rnn_gates_forward, rnn_gates_forward_f32 } from "./cells/rnn";
export {
  rnn_general_backward,
  rnn_general_forward,
  rnn_general_forward_f32,
} from "./cells/rnn_general";
export { cross_entropy_rows } from "./heads/cross_entropy";
export { score_rows } from "./heads/score";
export { log_softmax_rows, log_sum_exp_rows, softmax_rows } from "./heads/softmax";
