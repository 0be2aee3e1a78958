import { panelWidth } from "../base/tile";

/**
 * packed = panels of W (n × k), as drawn in base/tile.
 *
 * - w:       in; element (i, j) stands at w + (i·rowStride + j·columnStride) elements, so that W and Wᵀ are packed
 *            by the same kernel
 * - packed:  out, set; whole panels: ceil(n / width)·width·k elements, width 4 for f64 and 8 for f32; must not overlap w
 *
 * Tail: outputs beyond n are zeros.
 */
export function pack_panels<T>(
  n: usize,
  k: usize,
  rowStride: usize,
  columnStride: usize,
  w: usize,
  packed: usize,
): void {
  const width = panelWidth<T>();
  assert(n * k === 0 || w !== packed, "pack_panels: packed overlaps w");
  for (let first: usize = 0; first < n; first += width) {
    for (let j: usize = 0; j < k; j++) {
      for (let i = first; i < first + width; i++) {
        const at = w + (i * rowStride + j * columnStride) * sizeof<T>();
        store<T>(packed, i < n ? load<T>(at) : <T>0);
        packed += sizeof<T>();
      }
    }
  }
}
