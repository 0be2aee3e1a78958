// The packed panel: the layout of a weight matrix W (n outputs × k inputs) for the products.
//
//   A panel holds as many outputs as two vectors have lanes (f64: 4, f32: 8). Its k rows follow each other, so a product reads
//   it from front to back. In f64, panel p is
//
//     k = 0   w[4p][0]  w[4p+1][0]  w[4p+2][0]  w[4p+3][0]      two vectors of two lanes
//     k = 1   w[4p][1]  w[4p+1][1]  w[4p+2][1]  w[4p+3][1]
//     …
//
//   The last panel is padded with zeros. Their products are computed and not stored.

import { lanes, loadLanes, storeLanes, VECTOR } from "./lanes";

/** Bytes of one row of a panel. */
export const PANEL_ROW: usize = 2 * VECTOR;

/** Outputs in one panel. */
// @ts-ignore: decorator
@inline
export function panelWidth<T>(): usize {
  return 2 * lanes<T>();
}

/** Loads vector `index` of a row of outputs at `row` that has `live` elements. */
// @ts-ignore: decorator
@inline
export function loadPart<T>(row: usize, index: usize, live: usize): v128 {
  const first = index * lanes<T>();
  return live > first ? loadLanes<T>(row + index * VECTOR, live - first) : f64x2.splat(0);
}

/** Stores vector `index` of a row of outputs, only the lanes among its `live` elements. */
// @ts-ignore: decorator
@inline
export function storePart<T>(row: usize, index: usize, live: usize, value: v128): void {
  const first = index * lanes<T>();
  if (live > first) storeLanes<T>(row + index * VECTOR, value, live - first);
}
