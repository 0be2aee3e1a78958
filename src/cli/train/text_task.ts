import { createEngine, loadLanguageModel } from "../../index.js";
import { type TrainingData, type TrainingSource, textPassages, textStreams } from "../../train.js";
import { InputError } from "../faults.js";
import { textNetwork, textTraining } from "./defaults.js";
import type { Settings, TrainCommand } from "./settings.js";
import { choicesOf, count, type HeldOut, type Task } from "./task.js";
import { linesOf, readText, splitText } from "./text_file.js";
import { type TextTokens, textTokens } from "./text_tokens.js";

/** A passage goes on for so many batches, and its state with it. */
const BATCHES = 8;
/** Fewer beginnings of passages than this would be read too often. */
const FEWEST_STARTS = 32;
/** Tokens that are validated during a run; at its end all are. */
const VALIDATED = 50_000;
/** Tokens of a sequence of text without lines, where it is validated. */
const PIECE = 512;

/** Tokens of which some follow a line's end by a whole passage. */
function startsOf(ids: Int32Array, lineEnd: number | undefined, length: number): number {
  if (lineEnd === undefined) return 0;
  let found = 0;
  for (let at = 0; at + length < ids.length; at++) if (ids[at] === lineEnd) found++;
  return found;
}

/** A source whose epochs are as long as the way from one validation to the next. */
const inRounds = (source: TrainingSource, length: number): TrainingSource => ({
  length,
  batch(index, round) {
    const at = round * length + index;
    return source.batch(at % source.length, Math.floor(at / source.length));
  },
});

/** The beginning of the validation text, as sequences that begin where a line does. */
function validationOf(ids: Int32Array, start: number | undefined): TrainingData {
  const inputs: Int32Array[] = [];
  const targets: Int32Array[] = [];
  let from = 0;
  const add = (to: number): void => {
    // A line's end stands before the text.
    const first = start === undefined ? from : from - 1;
    const own = Int32Array.from({ length: to - first }, (_, i) =>
      first + i < 0 ? (start as number) : (ids[first + i] as number),
    );
    if (own.length > 1) {
      inputs.push(own.subarray(0, -1));
      targets.push(own.subarray(1));
    }
    from = to;
  };
  const end = Math.min(ids.length, VALIDATED);
  for (let at = 0; at < end; at++) {
    const isLong = at + 1 - from >= PIECE;
    if (isLong && (start === undefined || ids[at] === start)) add(at + 1);
  }
  if (end > from) add(end);
  return { inputs, targets };
}

const bits = (nats: number, per: number): number => -nats / per / Math.LN2;

/** Scores the validation text as `recurra score` would read it: line by line, its ends included. */
async function heldOut(
  model: Uint8Array,
  { encode, unit, lineEnd }: TextTokens,
  { text, hasLines }: { readonly text: string; readonly hasLines: boolean },
): Promise<HeldOut> {
  using engine = await createEngine();
  const loaded = await loadLanguageModel(engine, model);
  const pieces: Int32Array[] = [];
  // A tokenizer.json's model has no start of its own.
  const ends =
    hasLines && lineEnd !== undefined && loaded.vocabulary === undefined ? [lineEnd] : [];
  if (hasLines)
    pieces.push(...linesOf(text).map((line) => Int32Array.of(...ends, ...encode(line))));
  else {
    const ids = encode(text);
    for (let at = 0; at < ids.length; at += 8 * PIECE) pieces.push(ids.slice(at, at + 8 * PIECE));
  }
  const scores = await loaded.score(pieces);
  const logProb = scores.reduce((sum, score) => sum + score.logProb, 0);
  const tokens = scores.reduce((sum, score) => sum + score.tokens, 0);
  const characters = [...text].length;
  // Without a start, the first token of a piece has no score: it counts as the others do.
  const all = pieces.reduce((sum, { length }) => sum + length - ends.length, 0);
  const perCharacter = (bits(logProb, tokens) * all) / characters;
  const parts = [`${perCharacter.toFixed(3)} bits per character`];
  if (unit === "tokens") parts.push(`${bits(logProb, tokens).toFixed(3)} bits per token`);
  const said = `${parts.join(", ")} of ${count(characters)} characters that it has not seen`;
  return { text: said, metadata: { heldOut: said } };
}

const THOUSAND = 1000;

/** A text as a task: a language model that predicts the next token. */
export async function textTask(file: string, command: TrainCommand): Promise<Task> {
  const { text: whole, sha256 } = await readText(file);
  const share = command.validation ?? (whole.length < 1_000_000 ? 0.1 : 0.05);
  const { train, validation } = splitText(whole, share);
  const tokens = await textTokens(command, train);
  const ids = tokens.encode(train);
  const held = tokens.encode(validation);
  if (ids.length < THOUSAND / 10 || held.length < 2) {
    throw new InputError(
      `${file}: expected at least 100 tokens for training and 2 for validation, got ${ids.length} and ${held.length}`,
    );
  }
  const size = {
    tokens: ids.length,
    vocabulary: tokens.size,
    isCharacters: tokens.unit === "characters",
    validated: Math.min(held.length, VALIDATED),
  };
  const network = textNetwork(command, size);
  const training = textTraining(command, size, network);
  const { batchSize, sequenceLength: steps } = training;
  const seed = command.seed ?? 0;
  const starts = startsOf(ids, tokens.lineEnd, BATCHES * steps);
  const hasLines = starts >= FEWEST_STARTS;
  const start = hasLines ? tokens.lineEnd : undefined;
  const streams = Math.min(batchSize, ids.length - 1);
  const source =
    start === undefined
      ? textStreams(ids, { streams, steps })
      : textPassages(ids, { start, passages: batchSize, steps, batches: BATCHES, seed });
  const settings: Settings = {
    version: 1,
    kind: "text",
    data: { file, sha256 },
    out: command.out,
    reading: tokens.reading,
    network,
    training,
    validation: share,
    seed,
    dtype: command.dtype ?? "f32",
    notes: {},
  };
  const way = hasLines
    ? `random passages that begin at one of ${count(starts)} lines`
    : `${streams} parts side by side`;
  return {
    settings,
    input:
      network.embedding > 0
        ? { tokens: tokens.size, embedding: network.embedding }
        : { tokens: tokens.size },
    outputs: tokens.size,
    loss: "crossEntropy",
    data: inRounds(source, training.validateEvery),
    epochSteps: source.length,
    validation: validationOf(held, start),
    metadata: tokens.metadata(hasLines),
    unit: tokens.unit,
    choices: [
      `text: ${count(ids.length)} ${tokens.unit} to learn from, ${count(tokens.size)} different ones, read as ${way}`,
      ...choicesOf(settings),
    ],
    heldOut: (model) => heldOut(model, tokens, { text: validation, hasLines }),
  };
}
