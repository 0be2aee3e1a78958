import { createRequire } from "node:module";
import { type Tensor, tensor } from "recurra";
import { type Random, shuffled } from "./random.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The class that stands before the first letter and after the last one; a letter's class is its place in the alphabet. */
const BOUNDARY = 0;

/** Classes: the boundary and the letters. */
export const SYMBOLS = 1 + LETTERS.length;

/** The English words, all in the letters a–z: about 275,000. */
export function englishWords(): string[] {
  return createRequire(import.meta.url)("an-array-of-english-words") as string[];
}

/** What the network reads and what it should say next, for m words of at most T − 1 letters. Made by {@link batchOf}. */
export interface Batch {
  readonly words: readonly string[];
  /** The symbol before each one, one-hot, (SYMBOLS, m, T). */
  readonly x: Tensor;
  /** The symbols, the closing boundary included, (m, T); −1 beyond it. */
  readonly targets: Int32Array;
}

export function batchOf(words: readonly string[]): Batch {
  const m = words.length;
  const T = 1 + Math.max(...words.map((word) => word.length));
  const x = tensor([SYMBOLS, m, T]);
  const targets = new Int32Array(m * T).fill(-1);
  words.forEach((word, b) => {
    let previous = BOUNDARY;
    for (let t = 0; t <= word.length; t++) {
      x.data[(previous * m + b) * T + t] = 1;
      previous = t < word.length ? classOf(word, t) : BOUNDARY;
      targets[b * T + t] = previous;
    }
  });
  return { words, x, targets };
}

/** Cuts words into batches of `size`, words of like length together: little is spent on steps beyond a word's end. */
export function batchesByLength(words: readonly string[], size: number): string[][] {
  const sorted = [...words].sort((one, other) => one.length - other.length);
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) =>
    sorted.slice(i * size, (i + 1) * size),
  );
}

/** The batches of one pass over the words: new mates and a new order in every pass. */
export function pass(words: readonly string[], size: number, random: Random): string[][] {
  return shuffled(batchesByLength(shuffled(words, random), size), random);
}

function classOf(word: string, at: number): number {
  return 1 + word.charCodeAt(at) - LETTERS.charCodeAt(0);
}
