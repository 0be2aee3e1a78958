// The ABI of the kernels module: export lines only.
export { heap_base } from "./base/heap";
export { gemm_packed, row_by_four_panels } from "./blas/gemm";
export { exp_map, log_map, sigmoid_map, tanh_map } from "./blas/map";
export { pack_panels } from "./blas/pack";
export { add_rows } from "./blas/reductions";
export { reverse_axes } from "./blas/transpose";
export { lstm_gates_backward, lstm_gates_forward } from "./cells/lstm";
export { rnn_gates_backward, rnn_gates_forward } from "./cells/rnn";
export { cross_entropy_rows } from "./heads/cross_entropy";
export { log_softmax_rows, log_sum_exp_rows, softmax_rows } from "./heads/softmax";
