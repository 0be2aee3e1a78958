// What training in f32 needs besides the forward pass: the backward pass of all cells, the gradients of weights, updates of f32
// weights with f64 moments. Losses are those of the training module, in f64.
export { demote, promote } from "../blas/promote";
export { add_product_rows, add_rows } from "../blas/reductions";
export { scale_rows, scatter_add_rows } from "../blas/scatter";
export { reverse_axes } from "../blas/transpose";
export { gru_gates_backward } from "../cells/gru";
export { gru_output_backward, gru_reset_backward } from "../cells/gru_general";
export { lstm_gates_backward } from "../cells/lstm";
export { lstm_general_backward } from "../cells/lstm_general";
export { rnn_gates_backward } from "../cells/rnn";
export { rnn_general_backward } from "../cells/rnn_general";
export { layer_norm_backward, layer_norm_forward } from "../nn/layer_norm";
export { adagrad_update } from "../optim/adagrad";
export { adam_update } from "../optim/adam";
export { clamp_map, scale_map, sum_squares } from "../optim/gradient";
export { dropout_mask, multiply_map } from "../optim/random";
export { rmsprop_update } from "../optim/rmsprop";
export { sgd_update } from "../optim/sgd";
