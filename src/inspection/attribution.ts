import { type Given, languageOf, readPrompt } from "../generation/model.js";
import type { LanguageModel } from "../model/language_model.js";
import type { LanguageNetwork } from "../model/language_network.js";
import type { Network, NetworkStack } from "../model/network.js";
import { schedulerOf } from "../model/scheduler.js";
import type { Sequence } from "../model/vocabulary.js";
import { checkOptions, type OptionNames } from "../options.js";
import type { Tensor } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import type { Shared } from "../wasm/arena.js";
import { withScratch } from "../wasm/engine.js";
import { generalKernels, generalTrainingKernels, outputKernels } from "../wasm/kernel_sets.js";
import { DoubleNetwork } from "./double_network.js";
import { backThroughStacks, runStacks, type StackRecord } from "./stack_gradients.js";

/** Options of `attribute`. */
export interface AttributeOptions {
  /** The next token that is explained: an id, or its text. Default: the likeliest one. */
  readonly target?: number | string | undefined;
}

const NAMES: OptionNames<AttributeOptions> = { target: true };

/** How much each token of a context counts for the log-probability of the next one. */
export interface Attribution {
  /** The ids of the T tokens of the context: the start token, if the model has one, and those of the context. */
  readonly tokens: Int32Array;
  /** Their texts; empty without a vocabulary. */
  readonly texts: readonly string[];
  /** The id of the next token. */
  readonly target: number;
  /** Its log-probability after the context, in nats. */
  readonly logProb: number;
  /** d logProb / d input of each step: the embedding of its token, or its one-hot vector; (T, nx). */
  readonly gradients: Tensor;
  /** gradient · input of each step: to first order what the token adds, compared with an input of zeros. */
  readonly gradientTimesInput: Float64Array;
}

/** The input of each step, (T, nx). */
function inputsOf(network: Network, tokens: Int32Array): Float64Array {
  const { engine, dtype, rows, inputKind, stacks } = network;
  const { nx } = (stacks[0] as NetworkStack).stack.shape;
  const inputs = new Float64Array(tokens.length * nx);
  tokens.forEach((token, t) => {
    if (inputKind !== "embedding") inputs[t * nx + token] = 1;
    else {
      const pointer = (rows?.pointer ?? 0) + token * nx * dtype.item;
      inputs.set(engine.arena.view(dtype.precision, pointer, nx), t * nx);
    }
  });
  return inputs;
}

/** The linear layers on one row, forward: what goes into each, and what comes out before and after its activation. */
function runDense({ engine, dense }: DoubleNetwork, row: Float64Array) {
  const steps: { readonly before: Float64Array; readonly after: Float64Array }[] = [];
  let x = row;
  for (const { linear, record } of dense) {
    const { ny, na } = linear;
    const input = x;
    x = withScratch(engine.arena, (na + 2 * ny) * ITEM, ({ pointer }) => {
      const [before, after] = [pointer + na * ITEM, pointer + (na + ny) * ITEM];
      engine.arena.f64(pointer, na).set(input);
      linear.logits(1, pointer, before);
      engine.arena.copy(before, after, ny * ITEM);
      if (record !== undefined) {
        const kernels = generalKernels(engine, "f64");
        kernels.activation_map(ny, record.pointer, 0, after, after);
      }
      const step = {
        before: engine.arena.f64(before, ny).slice(),
        after: engine.arena.f64(after, ny).slice(),
      };
      steps.push(step);
      return step.after;
    });
  }
  return { logits: x, steps };
}

/** The gradient of what goes into the linear layers, from that of the logits. */
function backThroughDense(
  { engine, dense }: DoubleNetwork,
  steps: ReturnType<typeof runDense>["steps"],
  dlogits: Float64Array,
): Float64Array {
  let dy = dlogits;
  for (const [l, { linear, record }] of [...dense.entries()].reverse()) {
    const { ny, na } = linear;
    const { before, after } = steps[l] as { before: Float64Array; after: Float64Array };
    if (record !== undefined) {
      const given = dy;
      dy = withScratch(engine.arena, 5 * ny * ITEM, ({ pointer }) => {
        const [x, y, d, none, dx] = [0, 1, 2, 3, 4].map((k) => pointer + k * ny * ITEM) as [
          number,
          number,
          number,
          number,
          number,
        ];
        engine.arena.f64(x, ny).set(before);
        engine.arena.f64(y, ny).set(after);
        engine.arena.f64(d, ny).set(given);
        engine.arena.f64(none, ny).fill(0);
        const kernels = generalTrainingKernels(engine);
        kernels.rnn_general_backward(ny, record.pointer, x, y, d, none, dx);
        return engine.arena.f64(dx, ny).slice();
      });
    }
    const W = engine.arena.f64(linear.W, ny * na);
    const dx = new Float64Array(na);
    for (let i = 0; i < ny; i++) {
      for (let j = 0; j < na; j++) {
        dx[j] = (dx[j] as number) + (dy[i] as number) * (W[i * na + j] as number);
      }
    }
    dy = dx;
  }
  return dy;
}

/** The whole of it. Yields once, before the passes. */
function* work(
  where: string,
  language: LanguageNetwork,
  given: Given,
  wanted: number | undefined,
): Generator<void, Attribution, void> {
  const held: Shared[] = [language.retain()];
  const { network, tokenizer, start } = language;
  const { engine, stacks } = network;
  try {
    const own = yield* tokenizer.encode(where, "context", given);
    const tokens = start === undefined ? own.slice() : Int32Array.of(start, ...own);
    yield;
    const inputs = inputsOf(network, tokens);
    const double = new DoubleNetwork(network);
    held.push(double);
    const records: StackRecord[] = [];
    const row = (() => {
      try {
        return runStacks(engine, double.stacks, inputs, records);
      } finally {
        held.push(...records.map(({ tape }) => tape));
      }
    })();
    const { logits, steps } = runDense(double, row);
    const n = logits.length;
    const [logProbs, softmax] = withScratch(engine.arena, 2 * n * ITEM, ({ pointer }) => {
      const { log_softmax_rows, softmax_rows } = outputKernels(engine);
      const second = pointer + n * ITEM;
      engine.arena.f64(pointer, n).set(logits);
      softmax_rows(1, n, pointer, second);
      log_softmax_rows(1, n, pointer, pointer);
      const copy = (at: number) => engine.arena.f64(at, n).slice();
      return [copy(pointer), copy(second)];
    }) as [Float64Array, Float64Array];
    const target = wanted ?? logProbs.indexOf(logProbs.reduce((a, b) => Math.max(a, b)));
    const dlogits = softmax.map((p, i) => (i === target ? 1 - p : -p));
    const data = backThroughStacks(engine, records, backThroughDense(double, steps, dlogits));
    const { nx } = (stacks[0] as NetworkStack).stack.shape;
    const products = Float64Array.from(tokens, (_, t) => {
      let sum = 0;
      for (let j = t * nx; j < (t + 1) * nx; j++) {
        sum += (data[j] as number) * (inputs[j] as number);
      }
      return sum;
    });
    const known = tokenizer.vocabulary?.tokens;
    return {
      tokens,
      texts: known === undefined ? [] : Array.from(tokens, (token) => known[token] ?? ""),
      target,
      logProb: logProbs[target] as number,
      gradients: { shape: [tokens.length, nx], data },
      gradientTimesInput: products,
    };
  } finally {
    for (const each of held.reverse()) each.release();
  }
}

/**
 * Which tokens of a context the prediction of the next one comes from: the gradient of the next token's log-probability with
 * respect to each step's input, by back-propagation through the model. An f32 model is computed in f64, with its own weights.
 *
 * @param context a text or ids, at least one token unless the model has a start token
 * @throws {TypeError | RangeError} for a value that is no sequence, or a token that the model does not know
 * @throws {StateError} if the model is disposed
 */
export async function attribute(
  model: LanguageModel,
  context: Sequence,
  options: AttributeOptions = {},
): Promise<Attribution> {
  const where = "attribute";
  const language = languageOf(where, model);
  checkOptions(where, options, NAMES);
  const { network, tokenizer } = language;
  const given = readPrompt(where, "context", language, context, undefined);
  const { target } = options;
  const id = target === undefined ? undefined : tokenizer.id(where, "target", target);
  const aborted = (reason: unknown) => reason as Error;
  return schedulerOf(network.engine).run(work(where, language, given, id), { aborted });
}
