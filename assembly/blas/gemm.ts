import { PANEL_ROW, panelWidth } from "../base/tile";
import { fourRowsByPanel, row_by_four_panels, rowByTwoPanels, twoRowsByTwoPanels } from "./tiles";

/**
 * c[r][i] = init[r][i] + Σ_j a[r][j]·w[i][j], j ascending. Each term is one multiplication and one addition, and the sum is never
 * split, so the bits of a row depend neither on the other rows nor on the tile that computes it.
 *
 * - rows, n, k:     a is (rows, k), w is (n, k), init and c are (rows, n)
 * - lda, ldi, ldc:  elements from the start of one row to the next; ldi = 0 repeats one row of init (a bias, or zeros)
 * - a:       in
 * - packed:  in; w as packed by `pack_panels`
 * - init:    in
 * - c:       out, set; may be init itself (then ldc = ldi); overlaps nothing else
 *
 * Tail: no column of init is read, and none of c is written, beyond n.
 */
export function gemm_packed<T>(
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
  assert(lda >= k && ldc >= n && (ldi === 0 || ldi >= n), "gemm_packed: a row overlaps the next");
  assert(rows === 0 || c !== init || ldc === ldi, "gemm_packed: in place, and the strides differ");
  const item = sizeof<T>();
  const width = panelWidth<T>();
  const bytes = k * PANEL_ROW;
  lda *= item;
  ldi *= item;
  ldc *= item;
  // A panel stays in the first-level cache while all groups of four rows are multiplied by it.
  const fours = rows - (rows % 4);
  let panel = packed;
  for (let i: usize = 0; i < n; i += width) {
    let row = a;
    let from = init + i * item;
    let to = c + i * item;
    for (let r: usize = 0; r < fours; r += 4) {
      fourRowsByPanel<T>(n - i, k, lda, ldi, ldc, row, panel, from, to);
      row += 4 * lda;
      from += 4 * ldi;
      to += 4 * ldc;
    }
    panel += bytes;
  }
  a += fours * lda;
  init += fours * ldi;
  c += fours * ldc;
  if (rows & 2) {
    panel = packed;
    for (let i: usize = 0; i < n; i += 2 * width) {
      const at = i * item;
      twoRowsByTwoPanels<T>(n - i, k, lda, ldi, ldc, a, panel, bytes, init + at, c + at);
      panel += 2 * bytes;
    }
    a += 2 * lda;
    init += 2 * ldi;
    c += 2 * ldc;
  }
  if (rows & 1) {
    panel = packed;
    let i: usize = 0;
    for (; i + 4 * width <= n; i += 4 * width) {
      const at = i * item;
      row_by_four_panels<T>(k, a, panel, bytes, init + at, c + at);
      panel += 4 * bytes;
    }
    for (; i < n; i += 2 * width) {
      rowByTwoPanels<T>(n - i, k, a, panel, bytes, init + i * item, c + i * item);
      panel += 2 * bytes;
    }
  }
}
