// Why this exists: a program brings the kernels that it imports and no others, so they are compiled as sets: modules that
// work in one memory. Their tables lie at one place, in front of the engine's arena: all have the same tables, byte for byte
// (embed.mjs checks it), so that gzip finds a second set's code in the first.

/** Where the tables of the sets end and those of the graph module begin (asconfig.json, memoryBase). */
export const SETS_END = 8192;
/** Where those of the graph module end, and those of the training module begin. */
export const GRAPH_END = 24576;
/** Where those of the training module end. TABLES_BYTES in src/wasm/engine.ts is where all end. */
export const TRAIN_END = 28672;

/** The sets. `entry` is a file of assembly/sets. */
export const SETS = [
  { name: "forward_f64", entry: "forward", numberType: "f64" },
  { name: "forward_f32", entry: "forward", numberType: "f32" },
  { name: "general_f64", entry: "general", numberType: "f64" },
  { name: "general_f32", entry: "general", numberType: "f32" },
  { name: "output", entry: "output", numberType: "f64" },
  { name: "training", entry: "training", numberType: "f64" },
  { name: "general_training", entry: "general_training", numberType: "f64" },
  { name: "training_f32", entry: "training_f32", numberType: "f32" },
  { name: "norm", entry: "norm", numberType: "f64" },
  { name: "sampling", entry: "sampling", numberType: "f64" },
];
