// The inner loops of `gemm_packed`: tiles of eight accumulators, the most that stay in registers.

import { addProduct, loadSplat, VECTOR } from "../base/lanes";
import { loadPart, PANEL_ROW, panelWidth, storePart } from "../base/tile";

// Strides are in bytes. `live` is the number of columns from the tile's first one to the last of the matrix. Where a tile has
// more panels than the matrix, it reads an earlier panel instead and does not store the result.

export function fourRowsByPanel<T>(
  live: usize,
  k: usize,
  lda: usize,
  ldi: usize,
  ldc: usize,
  a0: usize,
  p: usize,
  init: usize,
  c: usize,
): void {
  const whole = live >= panelWidth<T>();
  let s00: v128;
  let s01: v128;
  let s10: v128;
  let s11: v128;
  let s20: v128;
  let s21: v128;
  let s30: v128;
  let s31: v128;
  if (whole) {
    s00 = v128.load(init);
    s01 = v128.load(init, VECTOR);
    s10 = v128.load(init + ldi);
    s11 = v128.load(init + ldi, VECTOR);
    s20 = v128.load(init + 2 * ldi);
    s21 = v128.load(init + 2 * ldi, VECTOR);
    s30 = v128.load(init + 3 * ldi);
    s31 = v128.load(init + 3 * ldi, VECTOR);
  } else {
    s00 = loadPart<T>(init, 0, live);
    s01 = loadPart<T>(init, 1, live);
    s10 = loadPart<T>(init + ldi, 0, live);
    s11 = loadPart<T>(init + ldi, 1, live);
    s20 = loadPart<T>(init + 2 * ldi, 0, live);
    s21 = loadPart<T>(init + 2 * ldi, 1, live);
    s30 = loadPart<T>(init + 3 * ldi, 0, live);
    s31 = loadPart<T>(init + 3 * ldi, 1, live);
  }
  let a1 = a0 + lda;
  let a2 = a1 + lda;
  let a3 = a2 + lda;
  const end = p + k * PANEL_ROW;
  while (p < end) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, VECTOR);
    let x = loadSplat<T>(a0);
    s00 = addProduct<T>(s00, x, w0);
    s01 = addProduct<T>(s01, x, w1);
    x = loadSplat<T>(a1);
    s10 = addProduct<T>(s10, x, w0);
    s11 = addProduct<T>(s11, x, w1);
    x = loadSplat<T>(a2);
    s20 = addProduct<T>(s20, x, w0);
    s21 = addProduct<T>(s21, x, w1);
    x = loadSplat<T>(a3);
    s30 = addProduct<T>(s30, x, w0);
    s31 = addProduct<T>(s31, x, w1);
    a0 += sizeof<T>();
    a1 += sizeof<T>();
    a2 += sizeof<T>();
    a3 += sizeof<T>();
    p += PANEL_ROW;
  }
  if (whole) {
    v128.store(c, s00);
    v128.store(c, s01, VECTOR);
    v128.store(c + ldc, s10);
    v128.store(c + ldc, s11, VECTOR);
    v128.store(c + 2 * ldc, s20);
    v128.store(c + 2 * ldc, s21, VECTOR);
    v128.store(c + 3 * ldc, s30);
    v128.store(c + 3 * ldc, s31, VECTOR);
  } else {
    storePart<T>(c, 0, live, s00);
    storePart<T>(c, 1, live, s01);
    storePart<T>(c + ldc, 0, live, s10);
    storePart<T>(c + ldc, 1, live, s11);
    storePart<T>(c + 2 * ldc, 0, live, s20);
    storePart<T>(c + 2 * ldc, 1, live, s21);
    storePart<T>(c + 3 * ldc, 0, live, s30);
    storePart<T>(c + 3 * ldc, 1, live, s31);
  }
}

export function twoRowsByTwoPanels<T>(
  live: usize,
  k: usize,
  lda: usize,
  ldi: usize,
  ldc: usize,
  a0: usize,
  p: usize,
  bytes: usize,
  init: usize,
  c: usize,
): void {
  let s00 = loadPart<T>(init, 0, live);
  let s01 = loadPart<T>(init, 1, live);
  let s02 = loadPart<T>(init, 2, live);
  let s03 = loadPart<T>(init, 3, live);
  init += ldi;
  let s10 = loadPart<T>(init, 0, live);
  let s11 = loadPart<T>(init, 1, live);
  let s12 = loadPart<T>(init, 2, live);
  let s13 = loadPart<T>(init, 3, live);
  let a1 = a0 + lda;
  let q = live > panelWidth<T>() ? p + bytes : p;
  const end = p + k * PANEL_ROW;
  while (p < end) {
    const x = loadSplat<T>(a0);
    const y = loadSplat<T>(a1);
    let w = v128.load(p);
    s00 = addProduct<T>(s00, x, w);
    s10 = addProduct<T>(s10, y, w);
    w = v128.load(p, VECTOR);
    s01 = addProduct<T>(s01, x, w);
    s11 = addProduct<T>(s11, y, w);
    w = v128.load(q);
    s02 = addProduct<T>(s02, x, w);
    s12 = addProduct<T>(s12, y, w);
    w = v128.load(q, VECTOR);
    s03 = addProduct<T>(s03, x, w);
    s13 = addProduct<T>(s13, y, w);
    a0 += sizeof<T>();
    a1 += sizeof<T>();
    p += PANEL_ROW;
    q += PANEL_ROW;
  }
  storePart<T>(c, 0, live, s00);
  storePart<T>(c, 1, live, s01);
  storePart<T>(c, 2, live, s02);
  storePart<T>(c, 3, live, s03);
  c += ldc;
  storePart<T>(c, 0, live, s10);
  storePart<T>(c, 1, live, s11);
  storePart<T>(c, 2, live, s12);
  storePart<T>(c, 3, live, s13);
}

/**
 * One row by four panels, all of whose columns exist: part of `gemm_packed`. It is exported so that the optimiser does not
 * inline it: inlined, V8 11.3 (x64) moves the loads to the top of the loop and spills an accumulator, which halves the speed
 * (2026-11).
 */
export function row_by_four_panels<T>(
  k: usize,
  a: usize,
  p0: usize,
  bytes: usize,
  init: usize,
  c: usize,
): void {
  let s0 = v128.load(init);
  let s1 = v128.load(init, VECTOR);
  let s2 = v128.load(init, 2 * VECTOR);
  let s3 = v128.load(init, 3 * VECTOR);
  let s4 = v128.load(init, 4 * VECTOR);
  let s5 = v128.load(init, 5 * VECTOR);
  let s6 = v128.load(init, 6 * VECTOR);
  let s7 = v128.load(init, 7 * VECTOR);
  let p1 = p0 + bytes;
  let p2 = p1 + bytes;
  let p3 = p2 + bytes;
  const end = p0 + k * PANEL_ROW;
  while (p0 < end) {
    const x = loadSplat<T>(a);
    s0 = addProduct<T>(s0, x, v128.load(p0));
    s1 = addProduct<T>(s1, x, v128.load(p0, VECTOR));
    s2 = addProduct<T>(s2, x, v128.load(p1));
    s3 = addProduct<T>(s3, x, v128.load(p1, VECTOR));
    s4 = addProduct<T>(s4, x, v128.load(p2));
    s5 = addProduct<T>(s5, x, v128.load(p2, VECTOR));
    s6 = addProduct<T>(s6, x, v128.load(p3));
    s7 = addProduct<T>(s7, x, v128.load(p3, VECTOR));
    a += sizeof<T>();
    p0 += PANEL_ROW;
    p1 += PANEL_ROW;
    p2 += PANEL_ROW;
    p3 += PANEL_ROW;
  }
  v128.store(c, s0);
  v128.store(c, s1, VECTOR);
  v128.store(c, s2, 2 * VECTOR);
  v128.store(c, s3, 3 * VECTOR);
  v128.store(c, s4, 4 * VECTOR);
  v128.store(c, s5, 5 * VECTOR);
  v128.store(c, s6, 6 * VECTOR);
  v128.store(c, s7, 7 * VECTOR);
}

/** The rest of a row, two panels at a time. */
export function rowByTwoPanels<T>(
  live: usize,
  k: usize,
  a: usize,
  p: usize,
  bytes: usize,
  init: usize,
  c: usize,
): void {
  let s0 = loadPart<T>(init, 0, live);
  let s1 = loadPart<T>(init, 1, live);
  let s2 = loadPart<T>(init, 2, live);
  let s3 = loadPart<T>(init, 3, live);
  let q = live > panelWidth<T>() ? p + bytes : p;
  const end = p + k * PANEL_ROW;
  while (p < end) {
    const x = loadSplat<T>(a);
    s0 = addProduct<T>(s0, x, v128.load(p));
    s1 = addProduct<T>(s1, x, v128.load(p, VECTOR));
    s2 = addProduct<T>(s2, x, v128.load(q));
    s3 = addProduct<T>(s3, x, v128.load(q, VECTOR));
    a += sizeof<T>();
    p += PANEL_ROW;
    q += PANEL_ROW;
  }
  storePart<T>(c, 0, live, s0);
  storePart<T>(c, 1, live, s1);
  storePart<T>(c, 2, live, s2);
  storePart<T>(c, 3, live, s3);
}
