// Why this exists: a program brings the kernels that it imports and no others, so they are compiled as sets: modules that
// work in one memory. The tables of each lie at a place of their own, in front of the engine's arena.

/** Where the tables of the sets end and those of the graph module begin (asconfig.json, memoryBase). */
export const SETS_END = 10240;
/** Where those of the graph module end. TABLES_BYTES in src/wasm/engine.ts is where all end. */
export const GRAPH_END = 24576;

/** The sets, in the order of their tables, which the graph module's follow. `entry` is a file of assembly/sets. */
export const SETS = [
  { name: "forward_f64", entry: "forward", numberType: "f64", memoryBase: 1024 },
  { name: "forward_f32", entry: "forward", numberType: "f32", memoryBase: 2304 },
  { name: "general_f64", entry: "general", numberType: "f64", memoryBase: 3584 },
  { name: "general_f32", entry: "general", numberType: "f32", memoryBase: 4864 },
  { name: "output", entry: "output", numberType: "f64", memoryBase: 6144 },
  { name: "training", entry: "training", numberType: "f64", memoryBase: 7424 },
  { name: "general_training", entry: "general_training", numberType: "f64", memoryBase: 8704 },
];
