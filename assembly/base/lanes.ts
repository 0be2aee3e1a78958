// Vectors: a v128 holds two lanes of f64 or four of f32. T is f64 or f32.

/** Bytes of one vector. */
export const VECTOR: usize = 16;

/** Lanes of one vector. */
// @ts-ignore: decorator
@inline
export function lanes<T>(): usize {
  return VECTOR / sizeof<T>();
}

/** Loads the first `live` (≥ 1) elements at `source`, at most a vector. The lanes beyond are 0. */
// @ts-ignore: decorator
@inline
export function loadLanes<T>(source: usize, live: usize): v128 {
  if (live >= lanes<T>()) return v128.load(source);
  if (sizeof<T>() == 8) return v128.load64_zero(source);
  if (live == 1) return v128.load32_zero(source);
  const two = v128.load64_zero(source);
  return live == 2 ? two : v128.load32_lane(source + 8, two, 2);
}

/** Stores the first `live` (≥ 1) lanes of `value` at `target`, at most a vector, and writes nothing beyond. */
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

/** Loads one or two elements at `source` in f64; the lane beyond is 0. From f32 this is exact. */
// @ts-ignore: decorator
@inline
export function loadDoubles<T>(source: usize, live: usize): v128 {
  if (sizeof<T>() == 8) return loadLanes<T>(source, live);
  const single = live > 1 ? v128.load64_zero(source) : v128.load32_zero(source);
  return f64x2.promote_low_f32x4(single);
}

/** Stores the first one or two lanes of f64 at `target`, rounded to T. */
// @ts-ignore: decorator
@inline
export function storeDoubles<T>(target: usize, value: v128, live: usize): void {
  if (sizeof<T>() == 8) {
    storeLanes<T>(target, value, live);
    return;
  }
  const single = f32x4.demote_f64x2_zero(value);
  if (live > 1) v128.store64_lane(target, single, 0);
  else v128.store32_lane(target, single, 0);
}

/** One element in every lane. */
// @ts-ignore: decorator
@inline
export function loadSplat<T>(source: usize): v128 {
  return sizeof<T>() == 8 ? v128.load64_splat(source) : v128.load32_splat(source);
}

/** sum + x·y, rounded twice. In the relaxed build it is fused, and rounded once on hosts that can. */
// @ts-ignore: decorator
@inline
export function addProduct<T>(sum: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<T>(x, y, sum);
  return v128.add<T>(v128.mul<T>(x, y), sum);
}
