import { ITEM, VECTOR } from "../base/lanes";
import { loadPart, PANEL, PANEL_ROW, storePart, TILE_ROWS } from "../base/tile";

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
  const panelBytes = k * PANEL_ROW;
  const tiled = rows - (rows % TILE_ROWS);
  lda *= ITEM;
  ldi *= ITEM;
  ldc *= ITEM;
  // A panel stays in the first-level cache while all tiles of rows pass over it.
  let panel = packed;
  for (let i: usize = 0; i < n; i += PANEL) {
    for (let r: usize = 0; r < tiled; r += TILE_ROWS) {
      const to = c + r * ldc + i * ITEM;
      tile(min(n - i, PANEL), k, lda, ldi, ldc, a + r * lda, panel, init + r * ldi + i * ITEM, to);
    }
    panel += panelBytes;
  }
  // Rows that fill no tile: two panels at a time, as a matrix–vector product.
  for (let r = tiled; r < rows; r++) {
    panel = packed;
    for (let i: usize = 0; i < n; i += 2 * PANEL) {
      const next = n - i > PANEL ? panel + panelBytes : panel;
      row(n - i, k, a + r * lda, panel, next, init + r * ldi + i * ITEM, c + r * ldc + i * ITEM);
      panel += 2 * panelBytes;
    }
  }
}

/** Four rows by one panel: eight accumulators. Row strides in bytes; `live` columns of the panel are stored. */
function tile(
  live: usize,
  k: usize,
  lda: usize,
  ldi: usize,
  ldc: usize,
  a0: usize,
  panel: usize,
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
  const end = panel + k * PANEL_ROW;
  while (panel < end) {
    const w0 = v128.load(panel);
    const w1 = v128.load(panel, VECTOR);
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
    panel += PANEL_ROW;
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

/** One row by two panels: four accumulators. Where `live` ≤ 4 there is no second panel, and `next` repeats the first. */
function row(
  live: usize,
  k: usize,
  a: usize,
  panel: usize,
  next: usize,
  init: usize,
  c: usize,
): void {
  const more = live > PANEL ? live - PANEL : 0;
  const beyond = PANEL * ITEM;
  let s0 = loadPart(init, 0, live);
  let s1 = loadPart(init, 2, live);
  let s2 = loadPart(init + beyond, 0, more);
  let s3 = loadPart(init + beyond, 2, more);
  const end = panel + k * PANEL_ROW;
  while (panel < end) {
    const x = v128.load64_splat(a);
    s0 = f64x2.add(s0, f64x2.mul(x, v128.load(panel)));
    s1 = f64x2.add(s1, f64x2.mul(x, v128.load(panel, VECTOR)));
    s2 = f64x2.add(s2, f64x2.mul(x, v128.load(next)));
    s3 = f64x2.add(s3, f64x2.mul(x, v128.load(next, VECTOR)));
    a += ITEM;
    panel += PANEL_ROW;
    next += PANEL_ROW;
  }
  storePart(c, 0, live, s0);
  storePart(c, 2, live, s1);
  storePart(c + beyond, 0, more, s2);
  storePart(c + beyond, 2, more, s3);
}
