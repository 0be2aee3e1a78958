import type { Network } from "./network.js";
import { TILE } from "./network_pass.js";

/** Sequences of a batch: enough rows for the products to be at their best, few enough to stay in the caches. */
const MOST_SEQUENCES = 64;
/** Products of numbers in one step of a batch: a few milliseconds, so that the event loop gets its turn. */
const STEP_PRODUCTS = 16 * 1024 * 1024;
/** Sequences of no more steps run together, however short each is. */
const SHORT_STEPS = 16;

/** How long each sequence is; a hole for one that cannot be used. */
type Lengths = readonly { readonly steps: number }[];

/** The most sequences of a batch: a number of whole tiles, fewer if the network is large. */
function batchSize({ stacks }: Network): number {
  let products = 1;
  for (const { stack } of stacks) {
    for (const { cell, nx, nh, na } of stack.layerDirections) {
      products += cell.input.length * na * (nx + nh);
    }
  }
  const most = Math.floor(STEP_PRODUCTS / products);
  return Math.min(Math.max(most - (most % TILE), TILE), MOST_SEQUENCES);
}

/** The places of sequences by falling length. Those that could not be read are holes. */
function byLength(sequences: Lengths): number[] {
  const stepsOf = (i: number): number => sequences[i]?.steps as number;
  const order = Object.keys(sequences).map(Number);
  return order.sort((a, b) => stepsOf(b) - stepsOf(a) || a - b);
}

/**
 * The sequences of each batch. They are sorted by falling length, so that those of a batch end at about the same step.
 */
export function longestFirst(network: Network, sequences: Lengths): number[][] {
  const size = batchSize(network);
  const order = byLength(sequences);
  return Array.from({ length: Math.ceil(order.length / size) }, (_, k) =>
    order.slice(k * size, (k + 1) * size),
  );
}

/**
 * The sequences of each batch, the shortest first. A batch ends with its longest sequence, so it has none that is more than
 * twice as long as its shortest, apart from very short ones.
 */
export function shortestFirst(network: Network, sequences: Lengths): number[][] {
  const size = batchSize(network);
  const stepsOf = (i: number): number => sequences[i]?.steps as number;
  const batches: number[][] = [];
  let own: number[] = [];
  let longest = -1;
  for (const i of byLength(sequences).reverse()) {
    if (own.length === size || stepsOf(i) > longest) {
      own = [];
      batches.push(own);
      longest = Math.max(2 * stepsOf(i), SHORT_STEPS);
    }
    own.push(i);
  }
  for (const each of batches) each.reverse();
  return batches;
}
