// The backward pass of the plain cells, the gradients of weights, and the loss, in f64.
export { add_product_rows, add_rows } from "../blas/reductions";
export { reverse_axes } from "../blas/transpose";
export { gru_gates_backward } from "../cells/gru";
export { lstm_gates_backward } from "../cells/lstm";
export { rnn_gates_backward } from "../cells/rnn";
export { cross_entropy_rows } from "../heads/cross_entropy";
