/** A safetensors file by hand: header as it is, then that many bytes of zeros. */
export function file(header: string | Uint8Array, dataBytes: number): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The same with F64 data. */
export function raw(header: string, values: readonly number[]): Uint8Array {
  const bytes = file(header, 8 * values.length);
  bytes.set(new Uint8Array(Float64Array.from(values).buffer), bytes.length - 8 * values.length);
  return bytes;
}

/** A tensor's entry in a header. */
export function entry(dtype: string, shape: readonly number[], begin: number, end: number): string {
  return JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
}
