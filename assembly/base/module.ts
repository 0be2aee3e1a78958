// What the wrapper must know of this build.

/** Byte offset of the first byte after the module's own tables: memory from here on belongs to the caller. */
export function heap_base(): usize {
  return __heap_base;
}

/** Whether products are fused, so that their bits depend on the host. */
export function is_relaxed(): bool {
  return ASC_FEATURE_RELAXED_SIMD;
}
