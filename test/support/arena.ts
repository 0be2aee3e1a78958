import type { Engine } from "../../src/index.js";

/** Where blocks of several sizes would go, and what memory is held: the same before and after what leaves nothing behind. */
export function vacancies({ arena }: Engine): readonly number[] {
  const places = [1, 1024, 65536].map((bytes) => {
    const block = arena.allocate(bytes);
    block.release();
    return block.pointer;
  });
  return [...places, arena.bytes];
}
