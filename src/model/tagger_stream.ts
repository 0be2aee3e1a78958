import { ShapeError } from "../errors.js";
import { describe } from "../tensor.js";
import { contentOf, Handle } from "../wasm/handle.js";
import type { Normalisation } from "./normalisation.js";
import { StreamContent, StreamState } from "./stream_state.js";
import { activate, openTagger, type TaggerContent, taggedOf } from "./tagger_content.js";

/** A step of a sequence: a token's id or text, or nx numbers. */
export type TaggerStep = number | string | ArrayLike<number>;

/** What a tagger gives for one step. */
export interface TaggedStep {
  /** ny of them. */
  readonly values: Float64Array;
  /** The index of the largest value, the first of equal ones. */
  readonly class: number;
  /** Its name, if the tagger has names. */
  readonly label?: string;
}

/** A stream from the beginning. */
export function newTaggerStream(tagger: Handle, content: TaggerContent): TaggerStream {
  checkLive("stream", content);
  const { arena } = content.network.engine;
  const block = arena.allocate(content.step.stateBytes);
  const stream = new StreamContent(tagger, block, false);
  clear(content, stream);
  return new TaggerStream(stream);
}

/** Throws unless the outputs for a step are known after that step. */
export function checkLive(where: string, { network, output }: TaggerContent): void {
  if (!network.isCausal) {
    throw new TypeError(
      `${where}: expected a tagger whose directions read from the start, got one that reads from the end: it has to see the whole sequence first`,
    );
  }
  if (output === "steps" || output === "last") return;
  throw new TypeError(
    `${where}: expected an output for every step or from the last one, got the ${output === "max" ? "maximum" : output} over all steps`,
  );
}

function clear({ network, step }: TaggerContent, stream: StreamContent): void {
  const { arena } = network.engine;
  const words = step.stateBytes / Int32Array.BYTES_PER_ELEMENT;
  arena.i32(stream.block.pointer, words).fill(0);
  stream.isPrimed = false;
}

/** The contents of a stream and its tagger. @throws {StateError} if one of them is disposed */
function open(where: string, stream: TaggerStream) {
  const content = contentOf<StreamContent>(where, stream);
  return { content, tagger: openTagger(where, content.model) };
}

/** A live stream of steps through a tagger, its state in linear memory until `dispose`. Made by `tagger.stream()`. */
export class TaggerStream extends Handle {
  /** @internal */
  constructor(content: StreamContent) {
    super("stream", content);
  }

  /**
   * Reads a step: a token, or nx numbers, normalised as the tagger says.
   *
   * @returns the values after this step: those of `tag`, and of a tagger with one output for each sequence those of the
   *   sequence up to here
   * @throws {TypeError | RangeError} for something else than a step of this tagger: nothing is changed then
   */
  push(step: TaggerStep): TaggedStep {
    const where = "push";
    const { content, tagger } = open(where, this);
    const { step: live, network } = tagger;
    const { engine, dense } = network;
    const { pointer } = content.block;
    if (tagger.tokenizer !== undefined) {
      const id = tagger.tokenizer.id(where, "step", step as number);
      engine.arena.i32(live.tokens, 1)[0] = id;
    } else {
      const { precision } = network.dtype;
      const row = engine.arena.view(precision, live.x, network.inputSize);
      const numbers = checkRow(where, "step", step, network.inputSize);
      writeRow(numbers, tagger.normalisation, row, 0);
    }
    live.advance(1, pointer);
    content.isPrimed = true;
    const { outputSize: ny } = dense;
    const outputs = engine.arena.f64(live.outputs(1, pointer), ny);
    // Its own place: without linear layers the outputs are the state itself.
    const results = engine.arena.f64(live.results, ny);
    results.set(outputs);
    activate(tagger, 1, live.results);
    const { values, classes, labels } = taggedOf(tagger, { shape: [1, ny], data: results.slice() });
    const tagged = { values: values.data, class: classes[0] as number };
    return labels === undefined ? tagged : { ...tagged, label: labels[0] as string };
  }

  /** Goes back to the beginning. */
  reset(): void {
    const { content, tagger } = open("reset", this);
    clear(tagger, content);
  }

  /** Another stream that has read the same steps. */
  fork(): TaggerStream {
    const { content, tagger } = open("fork", this);
    const { arena } = tagger.network.engine;
    const { stateBytes } = tagger.step;
    const block = arena.allocate(stateBytes);
    arena.copy(content.block.pointer, block.pointer, stateBytes);
    return new TaggerStream(new StreamContent(content.model, block, content.isPrimed));
  }

  /** The state of the stream, to be stored or replaced. */
  get state(): StreamState {
    const opened = () => {
      const { content, tagger } = open("state", this);
      return { content, step: tagger.step, hash: tagger.hash };
    };
    opened();
    return new StreamState(opened);
  }
}

/** Throws unless `step` is a row of nx numbers. */
export function checkRow(
  where: string,
  name: string,
  step: unknown,
  nx: number,
): ArrayLike<number> {
  const row = step as ArrayLike<number>;
  if (typeof row !== "object" || row === null || typeof row.length !== "number") {
    throw new TypeError(`${where}: ${name}: expected ${nx} numbers, got ${describe(step)}`);
  }
  if (row.length !== nx) {
    throw new ShapeError(`${where}: ${name}: expected ${nx} numbers, got ${row.length}`);
  }
  for (let j = 0; j < nx; j++) {
    if (typeof row[j] === "number") continue;
    throw new TypeError(`${where}: ${name}[${j}]: expected a number, got ${describe(row[j])}`);
  }
  return row;
}

/** Writes a row of features, normalised. */
export function writeRow(
  numbers: ArrayLike<number>,
  normalisation: Normalisation | undefined,
  target: Float64Array | Float32Array,
  at: number,
): void {
  const nx = numbers.length;
  if (normalisation === undefined) {
    for (let j = 0; j < nx; j++) target[at + j] = numbers[j] as number;
    return;
  }
  const { mean, scale } = normalisation;
  for (let j = 0; j < nx; j++) {
    target[at + j] = ((numbers[j] as number) - (mean[j] as number)) / (scale[j] as number);
  }
}
