import { readSafetensors } from "../../formats/safetensors.js";
import { generateMany } from "../../generate.js";
import { createEngine, type LanguageModel, loadLanguageModel } from "../../index.js";
import { InputError } from "../faults.js";
import { FileTokenizer } from "../tokenizer.js";
import type { SampleData, TextData, TraceData } from "./data.js";
import { traceData } from "./trace_part.js";

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

/** What a model writes after a prompt. */
async function samplesOf({ model, encode, decode }: Reader, prompt: string): Promise<SampleData[]> {
  const samples: SampleData[] = [];
  for (const temperature of TEMPERATURES) {
    const options = { prompts: [encode(prompt)], maxTokens: LENGTH, temperature, seed: 1 };
    const [made] = await generateMany(model, options);
    samples.push({ temperature, prompt, text: decode([...(made?.tokens ?? [])]) });
  }
  return samples;
}

export interface TextPart {
  readonly text: TextData;
  readonly trace: TraceData | undefined;
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
  const ids = [...reader.encode(text.slice(0, MOST))];
  return {
    text: await coloured(textName, text, reader),
    trace: await traceData(reader.model, ids, (id) => reader.decode([id])),
    samples: await samplesOf(reader, prompt),
  };
}
