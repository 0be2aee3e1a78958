// Why this exists: the JavaScript and the types of the package are made of the same entries, each of which package.json
// exports under a name of its own.
const FORMATS = ["safetensors", "keras", "tensorflowjs"];

/** Files of src, without their ending. */
export const ENTRIES = [
  ...[
    "index",
    "forward",
    "slim",
    "arrays",
    "onnx",
    "train",
    "generate",
    "inspect",
    "pool",
    "pool_worker",
  ],
  ...FORMATS.map((name) => `formats/${name}`),
];
