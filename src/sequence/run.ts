import { gateElements } from "../cells/cell.js";
import type { Batch } from "./batch.js";
import { chunkRows, Layout } from "./plan.js";
import { outputOf, readsFromEnd, type Stack, sizesOf } from "./stack.js";
import type { Track } from "./track.js";

/**
 * Every buffer of a forward pass through a stack. Two ways:
 *
 *     a chain    one direction from the start: a chunk of steps goes up through all layers before the next one begins,
 *                and a layer's x is the h of the layer below
 *     in turn    a direction that reads from the end needs the whole layer below: `inputs[l]`, (N, nx) of layer l,
 *                stands whole, and `mirror` leads a row to the one it is read at
 */
export interface Run {
  readonly chain: boolean;
  /** Rows that a track has room for. */
  readonly rows: number;
  readonly tracks: readonly Track[];
  /** In turn: what goes into each layer and, last, what comes out of the highest. */
  readonly inputs: readonly number[];
  /** In turn: index of N rows, i32. */
  readonly mirror: number;
  /** The tokens, and in turn those of the mirrored rows: N, i32. */
  readonly tokens: readonly number[];
}

/**
 * Lays a run out from `origin` on.
 *
 * @param feed what goes into the lowest layer: rows of numbers; tokens, whose input products are known, or whose rows are
 * @param keep whether everything is kept for a backward pass; else buffers serve again, and states stay where they are:
 *   h0, c0 and c of the tracks are left 0
 */
export function layOut(
  stack: Stack,
  batch: Batch,
  feed: "rows" | "tokens" | "embedded",
  keep: boolean,
  origin: number,
): { run: Run; bytes: number } {
  const { shape, layerDirections } = stack;
  const { dtype, layers, na, nh } = shape;
  const { m, rows: N } = batch;
  const D = shape.cells.length;
  const chain = D === 1 && !shape.reverse;
  const layout = new Layout(dtype);
  const take = (elements: number, item?: number): number => origin + layout.take(elements, item);
  const chunks = layerDirections.map((weights) => chunkRows(weights.cell, weights, dtype, m, N));
  const rows = keep ? N : Math.min(...chunks);

  const tokens = feed === "rows" ? [] : layerDirections.slice(0, D).map(() => take(N, 4));
  const mirror = chain ? 0 : take(N, 4);
  const inputs: number[] = [];
  if (!chain) {
    inputs.push(feed === "rows" ? take(N * shape.nx) : 0);
    for (let l = 1; l <= layers; l++) {
      // Where nothing is kept, two buffers take turns.
      const serves = keep || l < 3 ? undefined : inputs[l - 2];
      inputs.push(serves ?? take(N * outputOf(shape)));
    }
  }

  const widest = (of: (pass: (typeof layerDirections)[number]) => number) =>
    Math.max(...layerDirections.map(of));
  const shared = keep
    ? undefined
    : {
        x: take(rows * (chain ? (feed === "tokens" ? 0 : shape.nx) : widest(({ nx }) => nx))),
        // In turn the whole of h waits until it can be read from its end.
        h: chain ? [take(rows * nh), take(layers > 1 ? rows * nh : 0)] : [take(N * nh)],
        z: take(rows * widest(({ cell }) => cell.gateBlocks * na)),
        u: take(widest(({ cell }) => (cell.projected ? m * na : 0))),
      };
  const tracks: Track[] = [];
  layerDirections.forEach((weights, p) => {
    const [l, d] = [Math.floor(p / D), p % D];
    const { cell } = weights;
    const { nx } = sizesOf(shape, l);
    let x = 0;
    if (chain && l > 0) x = (tracks[p - 1] as Track).h;
    else if (!chain && !readsFromEnd(shape, d) && (feed === "rows" || l > 0)) {
      x = inputs[l] as number;
    } else if (feed !== "tokens" || l > 0) x = shared?.x ?? take(rows * nx);
    if (shared !== undefined) {
      const h = shared.h[chain ? l % 2 : 0] as number;
      const gates = cell.gateBlocks === 0 ? h : shared.z;
      tracks.push({ weights, x, h0: 0, c0: 0, h, c: 0, gates, u: shared.u, keeps: false });
      return;
    }
    // The initial state stands before the others, so that the state before each row is m rows earlier.
    const h0 = take((m + rows) * nh);
    const h = h0 + m * nh * dtype.item;
    const c0 = take(cell.hasCellState ? (m + rows) * na : 0);
    const c = c0 + m * na * dtype.item;
    const gates = cell.gateBlocks === 0 ? h : take(rows * gateElements(cell, na));
    const u = cell.projected ? take(rows * na) : 0;
    tracks.push({ weights, x, h0, c0, h, c, gates, u, keeps: true });
  });
  return { run: { chain, rows, tracks, inputs, mirror, tokens }, bytes: layout.bytes };
}
