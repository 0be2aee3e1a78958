// The models of the bench as safetensors files, and their tensors by name, all F32.
import { readSafetensors, writeSafetensors } from "recurra/safetensors";

export interface Stored {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type ModelFile = ReadonlyMap<string, Stored>;

export const writeModelFile = (file: ModelFile): Uint8Array => writeSafetensors(file);

export function readModelFile(bytes: Uint8Array): ModelFile {
  const { tensors } = readSafetensors(bytes);
  return new Map(
    Array.from(tensors, ([name, { shape, data }]) => [name, { shape, data: data as Float32Array }]),
  );
}

export function stored(file: ModelFile, name: string): Stored {
  const found = file.get(name);
  if (found === undefined) throw new Error(`no tensor ${name}`);
  return found;
}
