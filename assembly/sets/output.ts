// What follows the last layer, in f64: probabilities and scores; and the axes of tensors that have time last.
export { exp_map } from "../blas/map";
export { promote } from "../blas/promote";
export { reverse_axes } from "../blas/transpose";
export { score_rows } from "../heads/score";
export { log_softmax_rows, softmax_rows } from "../heads/softmax";
