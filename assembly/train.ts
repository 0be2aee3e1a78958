// The ABI of the training module: optimisers, losses and what else a training step needs besides the kernels, all in f64. It
// works in the memory of the kernels, in front of whose heap its own tables lie (asconfig.json, memoryBase). Only programs
// that train load it.
export { heap_base } from "./base/module";
export { log_map } from "./blas/map";
export { scale_rows, scatter_add_rows } from "./blas/scatter";
export { binary_cross_entropy_rows } from "./heads/binary_cross_entropy";
export { smooth_cross_entropy_rows } from "./heads/smooth_cross_entropy";
export { squared_error_rows } from "./heads/squared_error";
export { layer_norm_backward, layer_norm_forward } from "./nn/layer_norm";
export { adagrad_update } from "./optim/adagrad";
export { adam_update } from "./optim/adam";
export { clamp_map, scale_map, sum_squares } from "./optim/gradient";
export { dropout_mask, multiply_map, random_map } from "./optim/random";
export { rmsprop_update } from "./optim/rmsprop";
export { sgd_update } from "./optim/sgd";
