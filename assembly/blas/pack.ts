import { ITEM } from "../base/lanes";
import { PANEL } from "../base/tile";

/**
 * packed = panels of W (n × k), as drawn in base/tile.
 *
 * - w:       in; element (i, j) stands at w + (i·rowStride + j·columnStride) elements, so that W and Wᵀ are packed
 *            by the same kernel
 * - packed:  out, set; ceil(n / 4)·4·k elements; must not overlap w
 *
 * Tail: outputs beyond n are zeros.
 */
export function pack_panels(
  n: usize,
  k: usize,
  rowStride: usize,
  columnStride: usize,
  w: usize,
  packed: usize,
): void {
  for (let first: usize = 0; first < n; first += PANEL) {
    for (let j: usize = 0; j < k; j++) {
      for (let i = first; i < first + PANEL; i++) {
        const value = i < n ? load<f64>(w + (i * rowStride + j * columnStride) * ITEM) : 0.0;
        store<f64>(packed, value);
        packed += ITEM;
      }
    }
  }
}
