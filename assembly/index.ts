// The ABI of the kernels module: export lines only.
export { heap_base } from "./base/heap";
export { exp_map, sigmoid_map, tanh_map } from "./blas/map";
