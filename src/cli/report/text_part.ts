import { readSafetensors } from "../../formats/safetensors.js";
import { createEngine, type LanguageModel, loadLanguageModel } from "../../index.js";
import { InputError } from "../faults.js";
import { FileTokenizer } from "../tokenizer.js";
import type { SampleData, TextData } from "./data.js";

/** Characters of the text that is coloured. */
const MOST = 3000;
/** Tokens of a sample. */
const LENGTH = 300;
const TEMPERATURES = [0.5, 0.8, 1];

/** A language model, and how it reads and writes texts. */
interface Reader {
  readonly model: LanguageModel;
  encode(text: string): Int32Array;
  decode(ids: readonly number[]): string;
}

function readerOf(name: string, file: Uint8Array, model: LanguageModel): Reader {
  const tokenizer = FileTokenizer.of(name, readSafetensors(file).metadata);
  if (tokenizer !== undefined) {
    return {
      model,
      encode: (text) => Int32Array.from(tokenizer.encode(text)),
      decode: (ids) => tokenizer.decode(ids),
    };
  }
  const { vocabulary } = model;
  if (vocabulary === undefined) {
    throw new InputError(`${name}: a text needs a vocabulary, and the model has none`);
  }
  return {
    model,
    encode: (text) => vocabulary.encode(text),
    decode: (ids) => vocabulary.decode(ids),
  };
}

/** The text line by line, as `recurra score` reads it, and the bits of each token. */
async function coloured(
  name: string,
  text: string,
  { model, encode, decode }: Reader,
): Promise<TextData> {
  const lines = (text.slice(0, MOST).match(/[^\n]*\n|[^\n]+$/g) ?? []).map(encode);
  const scores = await model.score(lines);
  const tokens: string[] = [];
  const bits: (number | null)[] = [];
  lines.forEach((ids, line) => {
    const logProbs = scores[line]?.tokenLogProbs ?? new Float64Array();
    // Without a start token the first one has no score.
    const unscored = ids.length - logProbs.length;
    ids.forEach((id, i) => {
      tokens.push(decode([id]));
      bits.push(i < unscored ? null : -(logProbs[i - unscored] as number) / Math.LN2);
    });
  });
  return { name, tokens, bits };
}

/** Uniform numbers in [0, 1) of a seed: Tommy Ettinger's mulberry32. */
function* uniform(seed: number): Generator<number, never> {
  let state = seed | 0;
  for (;;) {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    yield ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Draws an id by log-probabilities at a temperature. */
function draw(logProbs: Float64Array, temperature: number, u: number): number {
  const weights = logProbs.map((logProb) => Math.exp(logProb / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let left = u * sum;
  const id = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return id < 0 ? weights.length - 1 : id;
}

function sample(
  { model, encode, decode }: Reader,
  prompt: string,
  temperature: number,
): SampleData {
  using stream = model.stream();
  for (const id of encode(prompt)) stream.push(id);
  const random = uniform(1);
  const ids: number[] = [];
  for (let i = 0; i < LENGTH; i++) {
    const id = draw(stream.next(), temperature, random.next().value);
    ids.push(id);
    stream.push(id);
  }
  return { temperature, prompt, text: decode(ids) };
}

export interface TextPart {
  readonly text: TextData;
  readonly samples: readonly SampleData[];
}

/** What a language model makes of a text, and texts that it makes. */
export async function textPart(
  file: Uint8Array,
  {
    model: name,
    text,
    textName,
  }: { readonly model: string; readonly text: string; readonly textName: string },
): Promise<TextPart> {
  using engine = await createEngine();
  const reader = readerOf(name, file, await loadLanguageModel(engine, file));
  const prompt = (/^\S+(\s+\S+){0,2}/.exec(text.trimStart())?.[0] ?? text.slice(0, 1)).slice(0, 40);
  return {
    text: await coloured(textName, text, reader),
    samples: TEMPERATURES.map((temperature) => sample(reader, prompt, temperature)),
  };
}
