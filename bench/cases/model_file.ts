// safetensors, as far as the bench needs it: F32 tensors by name. Its own, because rivals read it and know nothing of ours.

export interface Stored {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type ModelFile = ReadonlyMap<string, Stored>;

export function writeModelFile(file: ModelFile): Uint8Array {
  let end = 0;
  const header: Record<string, object> = {};
  for (const [name, { shape, data }] of file) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const text = JSON.stringify(header);
  const head = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const bytes = new Uint8Array(8 + head.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  let at = 8 + head.length;
  for (const { data } of file.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export function readModelFile(bytes: Uint8Array): ModelFile {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const start = 8 + length;
  const header: Record<string, Entry> = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, start)),
  );
  const file = new Map<string, Stored>();
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${name}: ${dtype}, not F32`);
    const own = Uint8Array.from(bytes.subarray(start + range[0], start + range[1]));
    file.set(name, { shape, data: new Float32Array(own.buffer) });
  }
  return file;
}

export function stored(file: ModelFile, name: string): Stored {
  const found = file.get(name);
  if (found === undefined) throw new Error(`no tensor ${name}`);
  return found;
}
