// The ABI of the kernels module: export lines only.
export { heap_base } from "./base/heap";
export { exp_map } from "./blas/map";
