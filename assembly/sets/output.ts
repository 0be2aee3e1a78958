// What follows a layer: normalisations, residuals, probabilities and scores, in f64 except for a result that becomes the input
// of an f32 layer; and the axes of tensors that have time last.
export { exp_map } from "../blas/map";
export { promote } from "../blas/promote";
export { reverse_axes } from "../blas/transpose";
export { score_rows } from "../heads/score";
export { log_softmax_rows, softmax_rows } from "../heads/softmax";
export { add_norm_rows } from "../nn/add_norm";
