// Properties of this build that its user must know.

/** The first byte after the module's own tables. Memory from there on belongs to the caller. */
export function heap_base(): usize {
  return __heap_base;
}

/** Whether multiply and add are fused, so that the bits depend on the host. */
export function is_relaxed(): bool {
  return ASC_FEATURE_RELAXED_SIMD;
}
