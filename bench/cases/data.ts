// Seeded operands. Every number is exact in f32, so that both precisions compute from the same input.
import { readFileSync, writeFileSync } from "node:fs";
import { type Case, gates, type Sizes, type Work } from "./cases.js";

/** PyTorch's names and gate order (i, f, g, o); x (T, m, nx), dy (T, m, na): time-major. */
export interface Operands {
  weight_ih: Float64Array;
  weight_hh: Float64Array;
  bias_ih: Float64Array;
  bias_hh: Float64Array;
  x: Float64Array;
  dy: Float64Array;
}

/** Mulberry32: uniform in [−1, 1). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1;
  };
}

function lengths(work: Work, { nx, na, m, T }: Sizes): Record<keyof Operands, number> {
  const rows = gates(work) * na;
  const [weight_ih, weight_hh] = [rows * nx, rows * na];
  const dy = work === "lstm-train" ? T * m * na : 0;
  return { weight_ih, weight_hh, bias_ih: rows, bias_hh: rows, x: T * m * nx, dy };
}

export function makeOperands(one: Case): Operands {
  const draw = uniform(one.nx * 31 + one.na * 7 + one.m);
  const size = lengths(one.work, one);
  const scale = 1 / Math.sqrt(Math.max(1, one.na));
  const fill = (length: number, by: number): Float64Array =>
    Float64Array.from({ length }, () => Math.fround(draw() * by));
  const operands = {
    weight_ih: fill(size.weight_ih, scale),
    weight_hh: fill(size.weight_hh, scale),
    bias_ih: fill(size.bias_ih, scale),
    bias_hh: fill(size.bias_hh, scale),
    x: fill(size.x, one.work.endsWith("map") ? 6 : 1),
    dy: fill(size.dy, 1),
  };
  if (one.data.startsWith("decaying")) decay(one, operands);
  return operands;
}

/** An input that starts at the smallest normal number and halves every eighth step; without biases the state follows. */
function decay({ data, m, nx }: Case, operands: Operands): void {
  const edge = data === "decaying-f64" ? -1021 : -125;
  operands.x.forEach((value, i) => {
    operands.x[i] = value * 2 ** (edge - Math.floor(i / (m * nx) / 8));
  });
  operands.bias_ih.fill(0);
  operands.bias_hh.fill(0);
}

export function writeOperands(path: string, operands: Operands): void {
  const all = Object.values(operands) as Float64Array[];
  const file = new Float64Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    file.set(part, at);
    at += part.length;
  }
  writeFileSync(path, new Uint8Array(file.buffer));
}

export function readOperands(path: string, work: Work, sizes: Sizes): Operands {
  const file = new Float64Array(new Uint8Array(readFileSync(path)).buffer);
  let at = 0;
  const parts = Object.entries(lengths(work, sizes)).map(([name, length]) => {
    at += length;
    return [name, file.slice(at - length, at)];
  });
  return Object.fromEntries(parts);
}

/** One after the other. */
export function join(...parts: ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
