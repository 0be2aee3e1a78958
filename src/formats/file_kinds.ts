/** The look of a file's first bytes as Latin-1, the name of its kind, and advice to the user. */
type FileKind = readonly [look: RegExp, name: string, advice?: string];

const PICKLE = 'save it by safetensors.torch.save_file(model.state_dict(), "model.safetensors")';

/** The first match counts. In a zip archive the name of its first file follows 30 bytes. */
const KINDS: readonly FileKind[] = [
  [/^PK.{28}(metadata|config|model\.w)/s, "a Keras model (.keras)", "describeKeras reads it"],
  [/^PK.{28}[^/]*\/(data\.pkl|byteorder|\.)/s, "a PyTorch checkpoint (.pt, .pth)", PICKLE],
  [/^PK.{28}[^/]*\.npy/s, "a NumPy archive (.npz)"],
  [/^PK/, "a zip archive"],
  [
    /^\x89HDF\r\n/,
    "an HDF5 file (.h5)",
    "describeKeras reads Keras 3's weights, with their config",
  ],
  [/^[^ -\xff]\x8b/, "gzip data", "decompress it first"],
  [/^\x80[^ -\xff]/, "a pickle", PICKLE],
  [/^.{4}[^ -\xff]{4}\{/s, "a safetensors file", "readSafetensors reads it"],
  // Fields 1 and then 2, 4, 7 or 8 of a ModelProto.
  [/^[\b][^ -\xff]["B:]|^[\b][^ -\xff][^ -\xff]/, "an ONNX model", "describeOnnx reads it"],
  [/^(\xef\xbb\xbf)?\s*[{[]/, "JSON", "describeTensorflowJs reads a model.json"],
  [/^\s*<(!doctype|html)/i, "an HTML page", "check the address of the download"],
  [/^version https:\/\/git-lfs/, "a Git LFS pointer", "run git lfs pull"],
  [/^GGUF/, "a GGUF file"],
];

/**
 * The kind of a file and advice to the user, for a message: `an ONNX model; describeOnnx reads it`. Undefined for bytes of no
 * known kind, and for a kind whose name matches `expected`.
 */
export function recognise(bytes: Uint8Array, expected?: RegExp): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 600));
  const [, name, advice] = KINDS.find(([look]) => look.test(start)) ?? [];
  if (name === undefined || expected?.test(name)) return undefined;
  return advice === undefined ? name : `${name}; ${advice}`;
}
