// The draw of tokens from logits, in f64.
export { exp_map, log_map } from "../blas/map";
export { sample_rows } from "../heads/sample";
export { log_softmax_rows } from "../heads/softmax";
