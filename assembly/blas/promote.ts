import { lanes, loadLanes, storeDoubles, storeLanes, VECTOR } from "../base/lanes";

/**
 * y[i] = x[i], from f32 to f64, which is exact.
 *
 * - x:  in; (n) f32
 * - y:  out, set; (n) f64; must not overlap x
 *
 * Tail: for odd n the last element is converted alone.
 */
export function promote(n: usize, x: usize, y: usize): void {
  const paired = n - (n % lanes<f64>());
  const end = y + paired * sizeof<f64>();
  for (; y < end; y += VECTOR) {
    v128.store(y, f64x2.promote_low_f32x4(v128.load64_zero(x)));
    x += VECTOR / 2;
  }
  if (paired < n) storeLanes<f64>(y, f64x2.promote_low_f32x4(v128.load32_zero(x)), 1);
}

/**
 * y[i] = x[i], from f64 to f32, rounded to nearest.
 *
 * - x:  in; (n) f64
 * - y:  out, set; (n) f32; must not overlap x
 *
 * Tail: for odd n the last element is converted alone.
 */
export function demote(n: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const value = loadLanes<f64>(x + i * sizeof<f64>(), n - i);
    storeDoubles<f32>(y + i * sizeof<f32>(), value, n - i);
  }
}
