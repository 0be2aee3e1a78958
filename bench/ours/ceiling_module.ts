// Assembles the ceiling's loop, byte by byte, for any number of chains:
//   (func (export "loop") (param $turns i32) (param $constant fNN) (result fNN)
//     p_j = s_j = splat(j)
//     loop: unrolled times { p_j = p_j · constant; s_j = s_j + constant }  …  br_if while --turns
//     the sum of all lanes of all p_j and s_j
// One constant serves both: 7 + 7 chains and it are the 15 vector registers that V8 allocates on x64. With a constant
// for each kind they spill, and 6 + 6 chains reach only 26 of the 30 GFLOP/s of 7 + 7 (AMD Zen 5, V8 11).
import type { Precision } from "../cases/cases.js";

export interface Shape {
  precision: Precision;
  /** Of each kind. */
  chains: number;
  unrolled: number;
}

/** Floating-point operations of one call, whatever the shape: a multiple of 2 · lanes · unrolled · 840 for both precisions. */
export const CEILING_OPERATIONS = 2 * 4 * 4 * 840 * 32;

const V128 = 0x7b;
const opcodes = {
  f64: { type: 0x7c, splat: 0x14, extract: 0x21, lanes: 2, add: 0xf0, mul: 0xf2, scalarAdd: 0xa0 },
  f32: { type: 0x7d, splat: 0x13, extract: 0x1f, lanes: 4, add: 0xe4, mul: 0xe6, scalarAdd: 0x92 },
} as const;

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

const section = (id: number, content: number[]): number[] => [
  id,
  ...leb(content.length),
  ...content,
];
const simd = (opcode: number): number[] => [0xfd, ...leb(opcode)];
const get = (local: number): number[] => [0x20, ...leb(local)];
const set = (local: number): number[] => [0x21, ...leb(local)];
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function scalar(precision: Precision, value: number): number[] {
  const bytes = new Uint8Array(
    (precision === "f64" ? Float64Array : Float32Array).of(value).buffer,
  );
  return [precision === "f64" ? 0x44 : 0x43, ...bytes];
}

export function shapeModule({ precision, chains, unrolled }: Shape): Uint8Array<ArrayBuffer> {
  const { type, splat, extract, lanes, add, mul, scalarAdd } = opcodes[precision];
  const [turns, constant, constants, firstP] = [0, 1, 2, 3];
  const firstS = firstP + chains;
  const step = range(chains).flatMap((j) => [
    ...[...get(firstP + j), ...get(constants), ...simd(mul), ...set(firstP + j)],
    ...[...get(firstS + j), ...get(constants), ...simd(add), ...set(firstS + j)],
  ]);
  const start = range(2 * chains).flatMap((j) => [
    ...[...scalar(precision, j % chains), ...simd(splat), ...set(firstP + j)],
  ]);
  const sum = range(2 * chains).flatMap((j) =>
    range(lanes).flatMap((lane) => [...get(firstP + j), ...simd(extract), lane, scalarAdd]),
  );
  const body = [
    ...[1, ...leb(1 + 2 * chains), V128],
    ...[...get(constant), ...simd(splat), ...set(constants)],
    ...start,
    ...[0x03, 0x40, ...range(unrolled).flatMap(() => step)],
    ...[...get(turns), 0x41, 1, 0x6b, 0x22, turns, 0x0d, 0, 0x0b],
    ...[...scalar(precision, 0), ...sum, 0x0b],
  ];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, 0x7f, type, 1, type]),
    ...section(3, [1, 0]),
    ...section(7, [1, 4, ...new TextEncoder().encode("loop"), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}
