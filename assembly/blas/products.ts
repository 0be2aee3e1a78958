// Products, element by element. The tail uses the lanes that it needs, so the bits of an element do not depend on its index.

import { addProduct, loadLanes, storeLanes, VECTOR } from "../base/lanes";

/** y[i] = a[i]·b[i] for i < n. y may be a or b. */
export function multiply<T>(n: usize, a: usize, b: usize, y: usize): void {
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    const product = v128.mul<T>(loadLanes<T>(a + at, live), loadLanes<T>(b + at, live));
    storeLanes<T>(y + at, product, live);
  }
}

/** y[i] += a[i]·b[i] for i < n. y overlaps neither a nor b. */
export function addProducts<T>(n: usize, a: usize, b: usize, y: usize): void {
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    const factor = loadLanes<T>(a + at, live);
    const sum = loadLanes<T>(y + at, live);
    storeLanes<T>(y + at, addProduct<T>(sum, factor, loadLanes<T>(b + at, live)), live);
  }
}
