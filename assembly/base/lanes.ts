// Lanes: one v128 vector holds two f64 or four f32. T is f64 or f32 throughout.

/** Bytes of one vector. */
export const VECTOR: usize = 16;

/** Lanes of one vector. */
// @ts-ignore: decorator
@inline
export function lanes<T>(): usize {
  return VECTOR / sizeof<T>();
}

/** Loads the first `live` (at least 1) elements at `source`, as many as a vector holds; a dead lane is 0. */
// @ts-ignore: decorator
@inline
export function loadLanes<T>(source: usize, live: usize): v128 {
  if (live >= lanes<T>()) return v128.load(source);
  if (sizeof<T>() == 8) return v128.load64_zero(source);
  if (live == 1) return v128.load32_zero(source);
  const two = v128.load64_zero(source);
  return live == 2 ? two : v128.load32_lane(source + 8, two, 2);
}

/** Stores the first `live` (at least 1) lanes of `value` at `target`, and touches nothing beyond. */
// @ts-ignore: decorator
@inline
export function storeLanes<T>(target: usize, value: v128, live: usize): void {
  if (live >= lanes<T>()) v128.store(target, value);
  else if (sizeof<T>() == 8) v128.store64_lane(target, value, 0);
  else if (live == 1) v128.store32_lane(target, value, 0);
  else {
    v128.store64_lane(target, value, 0);
    if (live == 3) v128.store32_lane(target + 8, value, 2);
  }
}

/** One element in every lane. */
// @ts-ignore: decorator
@inline
export function loadSplat<T>(source: usize): v128 {
  return sizeof<T>() == 8 ? v128.load64_splat(source) : v128.load32_splat(source);
}

/** sum + x·y, rounded twice; in the relaxed build fused, and rounded once where the host can. */
// @ts-ignore: decorator
@inline
export function addProduct<T>(sum: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<T>(x, y, sum);
  return v128.add<T>(sum, v128.mul<T>(x, y));
}
