/** A kind of file that is told by its content, and the way to have it read. */
interface FileKind {
  readonly name: string;
  readonly advice?: string;
}

const PICKLE_ADVICE =
  'a pickle is a program and is not read; safetensors.torch.save_file(model.state_dict(), "model.safetensors") makes a file that is';
const KERAS_ADVICE = "describeKeras of recurra/keras reads it";

/** ASCII of the first bytes; other bytes as they are. */
const latin1 = (bytes: Uint8Array, begin: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(begin, end));

/** A zip archive by the name of its first file, which stands in the first 30 + n bytes. */
function zipKind(bytes: Uint8Array): FileKind {
  const length = (bytes[26] ?? 0) + 256 * (bytes[27] ?? 0);
  const name = latin1(bytes, 30, 30 + Math.min(length, 512));
  if (/^(metadata|config)\.json$|^model\.weights\.h5$/.test(name)) {
    return { name: "a Keras model (.keras)", advice: KERAS_ADVICE };
  }
  if (/\/(data\.pkl|\.format_version|\.storage_alignment|byteorder)$/.test(name)) {
    return { name: "a PyTorch checkpoint (.pt, .pth)", advice: PICKLE_ADVICE };
  }
  return { name: /\.npy$/.test(name) ? "a NumPy archive (.npz)" : "a zip archive" };
}

/** A protobuf message that begins as ONNX's ModelProto does: ir_version, then the producer, a domain or an opset. */
function isOnnx(bytes: Uint8Array): boolean {
  const [tag, version = 0, next = 0] = bytes;
  return tag === 0x08 && version >= 1 && version <= 31 && [0x12, 0x22, 0x3a, 0x42].includes(next);
}

/** A header's length that the file has room for, and the header's first byte. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getBigUint64(0, true) <= BigInt(bytes.length - 8);
}

/** Recognises a file by its first bytes; undefined for bytes of no known kind. */
function kindOf(bytes: Uint8Array): FileKind | undefined {
  const start = latin1(bytes, 0, 64);
  if (start.startsWith("PK\x03\x04")) return zipKind(bytes);
  if (start.startsWith("\x89HDF\r\n\x1a\n")) {
    const advice = `${KERAS_ADVICE} with its config if Keras 3 wrote the weights`;
    return { name: "an HDF5 file (.h5)", advice };
  }
  if (start.startsWith("\x1f\x8b")) return { name: "gzip data", advice: "decompress it first" };
  const [first, protocol = 0] = bytes;
  if (first === 0x80 && protocol >= 2 && protocol <= 5)
    return { name: "a pickle", advice: PICKLE_ADVICE };
  if (isSafetensors(bytes)) {
    const advice = "readSafetensors of recurra/safetensors reads it";
    return { name: "a safetensors file", advice };
  }
  if (isOnnx(bytes))
    return { name: "an ONNX model", advice: "describeOnnx of recurra/onnx reads it" };
  if (/^(\xef\xbb\xbf)?\s*[{[]/.test(start)) {
    const advice = "describeTensorflowJs of recurra/tensorflowjs reads a model.json";
    return { name: "JSON", advice };
  }
  if (/^\s*<(!doctype|html)/i.test(start)) {
    return { name: "an HTML page", advice: "check the address of the download" };
  }
  if (start.startsWith("version https://git-lfs")) {
    return { name: "a Git LFS pointer", advice: "run git lfs pull" };
  }
  if (start.startsWith("GGUF")) return { name: "a GGUF file" };
  return undefined;
}

/**
 * The kind of file that bytes are and the way to have it read, for a message: `an ONNX model; describeOnnx of recurra/onnx
 * reads it`. Undefined for bytes of no known kind, and for a kind whose name matches `expected`.
 */
export function recognise(bytes: Uint8Array, expected?: RegExp): string | undefined {
  const { name, advice } = kindOf(bytes) ?? {};
  if (name === undefined || expected?.test(name)) return undefined;
  return advice === undefined ? name : `${name}; ${advice}`;
}
