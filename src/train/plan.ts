import type { Batch } from "../sequence/batch.js";
import { Layout } from "../sequence/layout.js";
import type { StackShape } from "../sequence/shape.js";
import { GRADIENT_ROWS } from "../sequence/weight_gradient.js";
import { ITEM, type NumberType } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import type { Architecture } from "./architecture.js";
import type { Chunk, Layer, LayerPass, PassContext, PassForm, Segment } from "./layers/layer.js";

/** How a pass runs. */
export type PassOptions = Pick<PassContext, "carry" | "states" | "dropout">;

/** What the caller of a pass needs besides. */
export interface PlanNeeds {
  readonly where: string;
  /** f64 of a row's target. */
  readonly targetItems: number;
  /** The bytes that all buffers may take. */
  readonly memory: number;
}

/** Places of the sequences and rows of one pass: pointers, and the buffers of every layer. */
export interface NetworkPlan {
  readonly batch: Batch;
  readonly segments: readonly Segment[];
  /** Input features of a segment, (rows, nx), if the input is no tokens. */
  readonly x: number;
  /** The rows that have an output: N, or m. */
  readonly outputRows: number;
  /** Per output row: i32 or f64 targets, f64 scales and losses. */
  readonly targets: number;
  readonly scales: number;
  readonly loss: number;
  readonly context: PassContext;
  /** Of the head, if it reads a row for each sequence. */
  readonly headContext: PassContext;
  readonly body: LayerPass;
  readonly pooling: LayerPass | undefined;
  readonly head: LayerPass;
  readonly scratch: number;
  readonly bytes: number;
  /** Random numbers that dropout takes. */
  readonly drawn: number;
}

/** A network, as far as a plan depends on it. */
export interface PlannedNetwork {
  readonly dtype: NumberType;
  readonly architecture: Architecture;
  readonly shapes: readonly StackShape[];
  readonly body: Layer;
  readonly pooling: Layer | undefined;
  readonly head: Layer;
}

/** Steps of a chunk: as many as have the rows that the products of gradients take at a time. */
const chunkSteps = (m: number): number => Math.max(1, Math.floor(GRADIENT_ROWS / m));

/** Cuts a batch into this many segments at most, each of whole chunks. */
function segmentsOf(batch: Batch, count: number): Segment[] {
  const { m, T } = batch;
  const steps = chunkSteps(m);
  const length = Math.ceil(Math.ceil(T / steps) / count) * steps;
  const segments: Segment[] = [];
  for (let first = 0; first < T; first += length) {
    const last = Math.min(first + length, T);
    const base = batch.start(first);
    const chunks: Chunk[] = [];
    for (let t = first; t < last; t += steps) {
      const end = Math.min(t + steps, last);
      const start = batch.start(t);
      chunks.push({ first: t, last: end, base: start - base, rows: batch.start(end) - start });
    }
    const index = segments.length;
    segments.push({ index, first, last, base, rows: batch.start(last) - base, chunks });
  }
  return segments;
}

const largest = (parts: readonly { readonly rows: number }[]): number =>
  parts.reduce((most, { rows }) => Math.max(most, rows), 0);

/** Lays out a pass in so many segments, from `origin` on. */
export function layOut(
  { architecture: { input, output }, dtype, body, pooling, head }: PlannedNetwork,
  batch: Batch,
  options: PassOptions,
  { targetItems, segments: count, origin }: PlanNeeds & { segments: number; origin: number },
): NetworkPlan {
  const { m, rows: N } = batch;
  const segments = segmentsOf(batch, count);
  const rows = largest(segments);
  const layout = new Layout(dtype, origin);
  const i32 = (n: number) => layout.take(n, Int32Array.BYTES_PER_ELEMENT);
  const [tokens, mirror, previous] = [i32(N), i32(N), i32(N)];
  const [order, places] = [i32(m), i32(m)];
  const x = layout.take(input.kind === "features" ? rows * input.size : 0);
  const outputRows = output.of === "step" ? N : m;
  // The loss is computed in f64.
  const targets = layout.take(outputRows * targetItems, ITEM);
  const scales = layout.take(outputRows, ITEM);
  const loss = layout.take(outputRows, ITEM);
  let drawn = 0;
  const draw = (numbers: number): number => {
    drawn += numbers;
    return drawn - numbers;
  };
  const chunkRows = largest(segments.flatMap(({ chunks }) => chunks));
  const form: PassForm = { m, total: N, rows, chunkRows, segments: segments.length, draw };
  const bodyPass = body.plan(layout, form);
  const pooled = pooling?.plan(layout, form);
  const ofSequences = { ...form, total: m, rows: m, chunkRows: m, segments: 1 };
  const headPass = head.plan(layout, pooled === undefined ? form : ofSequences);
  const isSorted = batch.order !== undefined;
  const context: PassContext = {
    batch,
    segment: segments[0] as Segment,
    tokens,
    order: isSorted ? order : 0,
    places: isSorted ? places : 0,
    mirror,
    previous,
    ...options,
  };
  const all = { first: 0, last: 1, base: 0, rows: m };
  const sequences: Segment = { index: 0, ...all, chunks: [all] };
  const scratch = Math.max(bodyPass.scratchBytes, headPass.scratchBytes);
  return {
    batch,
    segments,
    x,
    outputRows,
    targets,
    scales,
    loss,
    context,
    headContext: pooled === undefined ? context : { ...context, segment: sequences },
    body: bodyPass,
    pooling: pooled,
    head: headPass,
    scratch: origin + layout.bytes,
    bytes: layout.bytes + scratch,
    drawn,
  };
}

/**
 * The plan of least computation that fits into `memory`: all steps at once, or the fewest segments, each of which is
 * computed again on the way back.
 */
export function fittingPlan(
  network: PlannedNetwork,
  batch: Batch,
  options: PassOptions,
  needs: PlanNeeds,
): { bytes: number; segments: number } {
  const { where, memory } = needs;
  const measure = (segments: number): NetworkPlan =>
    layOut(network, batch, options, { ...needs, segments, origin: 0 });
  const whole = measure(1);
  if (whole.bytes <= memory) return { bytes: whole.bytes, segments: 1 };
  const isOneWay = network.shapes.every(({ cells, reverse }) => cells.length === 1 && !reverse);
  let [least, tried] = [whole.bytes, 0];
  const most = Math.ceil(batch.T / chunkSteps(batch.m));
  for (let count = 2; isOneWay && count <= most; count++) {
    const { bytes, segments } = measure(count);
    // Some numbers cut into as many segments as the one before.
    if (segments.length === tried) continue;
    tried = segments.length;
    if (bytes <= memory) return { bytes, segments: count };
    // More segments have more states between them: the least is passed.
    if (bytes > least) break;
    least = bytes;
  }
  const reason = isOneWay
    ? "split the sequences or the batch"
    : "split the batch: a direction that reads from the end needs all steps at once";
  throw new RangeError(
    `${where}: memory: expected at least ${least} bytes for m = ${batch.m} sequences of up to T = ${batch.T} steps, got ${memory}: ${reason}`,
  );
}

/** Writes what the order of sequences implies. */
export function writeOrder({ arena }: EngineCore, context: PassContext): void {
  const { batch, mirror, previous, order, places } = context;
  const { m, rows: N } = batch;
  arena.i32(mirror, N).set(batch.mirror());
  if (batch.ragged) arena.i32(previous, N).set(batch.previous());
  if (batch.order === undefined) return;
  arena.i32(order, m).set(batch.order);
  const inverse = arena.i32(places, m);
  batch.order.forEach((b, place) => {
    inverse[b] = place;
  });
}
