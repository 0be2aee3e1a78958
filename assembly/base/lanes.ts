// Lanes: one v128 vector holds two f64.

/** f64 lanes of one vector. */
export const LANES: usize = 2;
/** Bytes of one f64. */
export const ITEM: usize = 8;
/** Bytes of one vector. */
export const VECTOR: usize = LANES * ITEM;

/** Loads the first `live` (1 or 2) elements at `source`; a dead lane is 0. */
// @ts-ignore: decorator
@inline
export function loadLanes(source: usize, live: usize): v128 {
  return live >= LANES ? v128.load(source) : v128.load64_zero(source);
}

/** Stores the first `live` (1 or 2) lanes of `value` at `target`, and touches nothing beyond. */
// @ts-ignore: decorator
@inline
export function storeLanes(target: usize, value: v128, live: usize): void {
  if (live >= LANES) v128.store(target, value);
  else v128.store64_lane(target, value, 0);
}
