// The ABI of the graph module: what ONNX graphs need besides the kernels. It works in the memory of the kernels, in front of
// whose heap its own tables lie (asconfig.json, memoryBase). Only programs that open graphs load it.
export { heap_base } from "./base/module";
export { binary_strided, select_strided } from "./nn/binary";
export { gather_axis, gather_elements, scatter_blocks, top_rows } from "./nn/indexing";
export { arg_rows, cumulate_rows, reduce_rows } from "./nn/reduce";
export { magnitude_rows, normalise_rows, softmax_all } from "./nn/rows";
export { convert_map, copy_bytes, copy_strided, fill_map } from "./nn/strided";
export { unary_map } from "./nn/unary";
export { depthwise_rows, pool_windows, scatter_windows } from "./nn/windows";
