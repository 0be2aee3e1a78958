import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../fixtures/", import.meta.url);

/** The path of a file or folder of test/fixtures. */
export const fixturePath = (name: string): string => fileURLToPath(new URL(name, folder));

/** The bytes of a file of test/fixtures, in a buffer of their own. */
export const fixtureBytes = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(fixturePath(name)));

export const fixtureText = (name: string): string => readFileSync(fixturePath(name), "utf8");

/** Every JSON file of a folder of test/fixtures, by name. */
export function fixtures<T>(name: string): { name: string; content: T }[] {
  return readdirSync(fixturePath(name))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({
      name: file.slice(0, -".json".length),
      content: JSON.parse(fixtureText(`${name}/${file}`)) as T,
    }));
}

/** What PyTorch computed in float64 from 20,000 characters. */
interface ShakespeareReference {
  readonly characters: number;
  readonly total_log_prob: number;
  readonly nats_per_char: number;
  readonly first_64_token_log_probs: readonly number[];
  readonly last_64_token_log_probs: readonly number[];
  /** Layer by layer. */
  readonly final_h: readonly (readonly number[])[];
  readonly final_c: readonly (readonly number[])[];
  readonly lines: readonly { readonly text: string; readonly log_prob: number }[];
}

/** A character model of PyTorch's (an embedding, two LSTM layers of 128 units, a decoder), a text, and its scores. */
export function shakespeare() {
  const read = (name: string) => fixtureText(`shakespeare/${name}`);
  return {
    model: fixtureBytes("shakespeare/model.safetensors"),
    vocabulary: JSON.parse(read("vocab.json")) as Record<string, number>,
    text: read("text.txt"),
    reference: JSON.parse(read("reference.json")) as ShakespeareReference,
  };
}

/** What a file of torch-files gives for `x`. */
interface TorchFileRun {
  /** Tokens, or rows of features. */
  readonly x: number[] | number[][];
  readonly shape: [number, number];
  readonly y: number[];
}

export const torchFile = (name: string): Uint8Array<ArrayBuffer> =>
  fixtureBytes(`torch-files/${name}.safetensors`);

/** By the names of the files. */
export const torchFileRuns = (): Record<string, TorchFileRun> =>
  JSON.parse(fixtureText("torch-files/expected.json"));
