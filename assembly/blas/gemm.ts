import { ITEM, VECTOR } from "../base/lanes";
import { loadPart, PANEL, PANEL_ROW, storePart } from "../base/tile";

/**
 * c[r][i] = init[r][i] + Σ_j a[r][j]·w[i][j], j ascending: one multiplication and one addition per term, the sum never
 * split, so that a row's bits depend neither on the rows around it nor on the tile that computed it.
 *
 * - rows, n, k:     a is (rows, k), w is (n, k), init and c are (rows, n)
 * - lda, ldi, ldc:  row strides; ldi = 0 repeats one row of init (a bias, or zeros) for all rows
 * - a:       in
 * - packed:  in; w as `pack_panels` lays it out
 * - init:    in
 * - c:       out, set; may be init itself (then ldc = ldi); overlaps nothing else
 *
 * Tail: nothing beyond column n of init and c is touched.
 */
export function gemm_packed(
  rows: usize,
  n: usize,
  k: usize,
  lda: usize,
  ldi: usize,
  ldc: usize,
  a: usize,
  packed: usize,
  init: usize,
  c: usize,
): void {
  const bytes = k * PANEL_ROW;
  lda *= ITEM;
  ldi *= ITEM;
  ldc *= ITEM;
  // Eight accumulators each: four rows by one panel, two rows by two panels, one row by four panels. A panel stays in
  // the first-level cache while all tiles of four rows pass over it.
  const fours = rows - (rows % 4);
  let panel = packed;
  for (let i: usize = 0; i < n; i += PANEL) {
    for (let r: usize = 0; r < fours; r += 4) {
      const to = c + r * ldc + i * ITEM;
      fourRowsByPanel(n - i, k, lda, ldi, ldc, a + r * lda, panel, init + r * ldi + i * ITEM, to);
    }
    panel += bytes;
  }
  a += fours * lda;
  init += fours * ldi;
  c += fours * ldc;
  if (rows & 2) {
    panel = packed;
    for (let i: usize = 0; i < n; i += 2 * PANEL) {
      twoRowsByTwoPanels(n - i, k, lda, ldi, ldc, a, panel, bytes, init + i * ITEM, c + i * ITEM);
      panel += 2 * bytes;
    }
    a += 2 * lda;
    init += 2 * ldi;
    c += 2 * ldc;
  }
  if (rows & 1) {
    panel = packed;
    let i: usize = 0;
    for (; i + 4 * PANEL <= n; i += 4 * PANEL) {
      row_by_four_panels(k, a, panel, bytes, init + i * ITEM, c + i * ITEM);
      panel += 4 * bytes;
    }
    for (; i < n; i += 2 * PANEL) {
      rowByTwoPanels(n - i, k, a, panel, bytes, init + i * ITEM, c + i * ITEM);
      panel += 2 * bytes;
    }
  }
}

// In what follows strides are in bytes, and `live` says how many columns from here on exist. Where a panel does not
// exist, an earlier one is read in its place and the result is not stored.

function fourRowsByPanel(
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
  let s00 = loadPart(init, 0, live);
  let s01 = loadPart(init, 2, live);
  init += ldi;
  let s10 = loadPart(init, 0, live);
  let s11 = loadPart(init, 2, live);
  init += ldi;
  let s20 = loadPart(init, 0, live);
  let s21 = loadPart(init, 2, live);
  init += ldi;
  let s30 = loadPart(init, 0, live);
  let s31 = loadPart(init, 2, live);
  let a1 = a0 + lda;
  let a2 = a1 + lda;
  let a3 = a2 + lda;
  const end = p + k * PANEL_ROW;
  while (p < end) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, VECTOR);
    let x = v128.load64_splat(a0);
    s00 = f64x2.add(s00, f64x2.mul(x, w0));
    s01 = f64x2.add(s01, f64x2.mul(x, w1));
    x = v128.load64_splat(a1);
    s10 = f64x2.add(s10, f64x2.mul(x, w0));
    s11 = f64x2.add(s11, f64x2.mul(x, w1));
    x = v128.load64_splat(a2);
    s20 = f64x2.add(s20, f64x2.mul(x, w0));
    s21 = f64x2.add(s21, f64x2.mul(x, w1));
    x = v128.load64_splat(a3);
    s30 = f64x2.add(s30, f64x2.mul(x, w0));
    s31 = f64x2.add(s31, f64x2.mul(x, w1));
    a0 += ITEM;
    a1 += ITEM;
    a2 += ITEM;
    a3 += ITEM;
    p += PANEL_ROW;
  }
  storePart(c, 0, live, s00);
  storePart(c, 2, live, s01);
  c += ldc;
  storePart(c, 0, live, s10);
  storePart(c, 2, live, s11);
  c += ldc;
  storePart(c, 0, live, s20);
  storePart(c, 2, live, s21);
  c += ldc;
  storePart(c, 0, live, s30);
  storePart(c, 2, live, s31);
}

function twoRowsByTwoPanels(
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
  let s00 = loadPart(init, 0, live);
  let s01 = loadPart(init, 2, live);
  let s02 = loadPart(init, 4, live);
  let s03 = loadPart(init, 6, live);
  init += ldi;
  let s10 = loadPart(init, 0, live);
  let s11 = loadPart(init, 2, live);
  let s12 = loadPart(init, 4, live);
  let s13 = loadPart(init, 6, live);
  let a1 = a0 + lda;
  let q = live > PANEL ? p + bytes : p;
  const end = p + k * PANEL_ROW;
  while (p < end) {
    const x = v128.load64_splat(a0);
    const y = v128.load64_splat(a1);
    let w = v128.load(p);
    s00 = f64x2.add(s00, f64x2.mul(x, w));
    s10 = f64x2.add(s10, f64x2.mul(y, w));
    w = v128.load(p, VECTOR);
    s01 = f64x2.add(s01, f64x2.mul(x, w));
    s11 = f64x2.add(s11, f64x2.mul(y, w));
    w = v128.load(q);
    s02 = f64x2.add(s02, f64x2.mul(x, w));
    s12 = f64x2.add(s12, f64x2.mul(y, w));
    w = v128.load(q, VECTOR);
    s03 = f64x2.add(s03, f64x2.mul(x, w));
    s13 = f64x2.add(s13, f64x2.mul(y, w));
    a0 += ITEM;
    a1 += ITEM;
    p += PANEL_ROW;
    q += PANEL_ROW;
  }
  storePart(c, 0, live, s00);
  storePart(c, 2, live, s01);
  storePart(c, 4, live, s02);
  storePart(c, 6, live, s03);
  c += ldc;
  storePart(c, 0, live, s10);
  storePart(c, 2, live, s11);
  storePart(c, 4, live, s12);
  storePart(c, 6, live, s13);
}

/**
 * Sixteen columns that all exist. Exported so that it stays a function of its own: inlined, V8 11.3 (x64) moves the loads
 * to the top of the loop and spills an accumulator, which halves the speed (2026-11).
 */
export function row_by_four_panels(
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
    const x = v128.load64_splat(a);
    s0 = f64x2.add(s0, f64x2.mul(x, v128.load(p0)));
    s1 = f64x2.add(s1, f64x2.mul(x, v128.load(p0, VECTOR)));
    s2 = f64x2.add(s2, f64x2.mul(x, v128.load(p1)));
    s3 = f64x2.add(s3, f64x2.mul(x, v128.load(p1, VECTOR)));
    s4 = f64x2.add(s4, f64x2.mul(x, v128.load(p2)));
    s5 = f64x2.add(s5, f64x2.mul(x, v128.load(p2, VECTOR)));
    s6 = f64x2.add(s6, f64x2.mul(x, v128.load(p3)));
    s7 = f64x2.add(s7, f64x2.mul(x, v128.load(p3, VECTOR)));
    a += ITEM;
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

/** What is left of a row, two panels at a time. */
function rowByTwoPanels(
  live: usize,
  k: usize,
  a: usize,
  p: usize,
  bytes: usize,
  init: usize,
  c: usize,
): void {
  let s0 = loadPart(init, 0, live);
  let s1 = loadPart(init, 2, live);
  let s2 = loadPart(init, 4, live);
  let s3 = loadPart(init, 6, live);
  let q = live > PANEL ? p + bytes : p;
  const end = p + k * PANEL_ROW;
  while (p < end) {
    const x = v128.load64_splat(a);
    s0 = f64x2.add(s0, f64x2.mul(x, v128.load(p)));
    s1 = f64x2.add(s1, f64x2.mul(x, v128.load(p, VECTOR)));
    s2 = f64x2.add(s2, f64x2.mul(x, v128.load(q)));
    s3 = f64x2.add(s3, f64x2.mul(x, v128.load(q, VECTOR)));
    a += ITEM;
    p += PANEL_ROW;
    q += PANEL_ROW;
  }
  storePart(c, 0, live, s0);
  storePart(c, 2, live, s1);
  storePart(c, 4, live, s2);
  storePart(c, 6, live, s3);
}
