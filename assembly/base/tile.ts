// The packed panel: how a weight matrix W (n outputs × k inputs) lies in memory for the products.
//
//   panel p holds outputs 4p … 4p+3, its k rows one after the other, so that a product reads it from front to back:
//
//     k = 0   w[4p][0]  w[4p+1][0]  w[4p+2][0]  w[4p+3][0]      two vectors of two lanes
//     k = 1   w[4p][1]  w[4p+1][1]  w[4p+2][1]  w[4p+3][1]
//     …
//
//   The last panel is filled up with zeros; what they give is computed and not stored.

import { ITEM } from "./lanes";

/** Outputs in one packed panel. */
export const PANEL: usize = 4;
/** Bytes of one row of a panel. */
export const PANEL_ROW: usize = PANEL * ITEM;
/** Rows of the left matrix that one tile of a product covers. */
export const TILE_ROWS: usize = 4;

/** Loads lanes `first`, `first + 1` of a panel row that starts at `row` and has `live` (1 … 4) valid elements. */
// @ts-ignore: decorator
@inline
export function loadPart(row: usize, first: usize, live: usize): v128 {
  if (live > first + 1) return v128.load(row + first * ITEM);
  return live > first ? v128.load64_zero(row + first * ITEM) : f64x2.splat(0);
}

/** Stores lanes `first`, `first + 1` of a panel row as far as they are among its `live` valid elements. */
// @ts-ignore: decorator
@inline
export function storePart(row: usize, first: usize, live: usize, value: v128): void {
  if (live > first + 1) v128.store(row + first * ITEM, value);
  else if (live > first) v128.store64_lane(row + first * ITEM, value, 0);
}
