// Why this exists: TensorFlow.js reads quantised weights but writes none; this does for make_tensorflowjs_models.mjs.

/** The bits of a binary16, rounded; subnormal numbers too, as a carry or a missing bit moves the exponent by itself. */
function half(value) {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), -14);
  const bits = (exponent + 14) * 1024 + Math.round(Math.abs(value) * 2 ** (10 - exponent));
  return bits | (value < 0 ? 0x8000 : 0);
}

/** The same weights in 8 and 16 bits and as halves in turn, as the converter's quantisation has them. */
export function quantized({ weightSpecs, weightData }) {
  const numbers = new Float32Array(weightData);
  let at = 0;
  const parts = weightSpecs.map(({ name, shape }, i) => {
    const dtype = ["uint8", "uint16", "float16"][i % 3];
    const size = shape.reduce((a, b) => a * b);
    const values = numbers.subarray(at, at + size);
    at += size;
    const [min, levels] = [Math.min(...values), dtype === "uint8" ? 255 : 65535];
    const scale = (Math.max(...values) - min) / levels;
    const q = dtype === "float16" ? half : (value) => Math.round((value - min) / scale);
    const quantization = dtype === "float16" ? { dtype } : { dtype, scale, min };
    const Kind = dtype === "uint8" ? Uint8Array : Uint16Array;
    const bytes = Buffer.from(Kind.from([...values].map(q)).buffer);
    return { spec: { name, shape, dtype: "float32", quantization }, bytes };
  });
  const bytes = Buffer.concat(parts.map((part) => part.bytes));
  return {
    weightSpecs: parts.map(({ spec }) => spec),
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  };
}
