/** Byte offset of the first byte after the module's own tables: memory from here on belongs to the caller. */
export function heap_base(): usize {
  return __heap_base;
}
