/** Every buffer starts on a cache line. */
const LINE = 64;

/** A size that many buffers share, so that one that is free fits the next: steps of an eighth. */
function sizeClass(bytes: number): number {
  const lines = Math.max(Math.ceil(bytes / LINE), 1);
  const step = Math.max(2 ** (Math.floor(Math.log2(lines)) - 3), 1);
  return Math.ceil(lines / step) * step * LINE;
}

/** Hands out places in a block that does not exist yet, and takes them back. Each call is of constant time. */
export class Spans {
  /** What the block must hold. */
  bytes = 0;
  readonly #free = new Map<number, number[]>();

  take(bytes: number): number {
    const size = sizeClass(bytes);
    const known = this.#free.get(size)?.pop();
    if (known !== undefined) return known;
    const offset = this.bytes;
    this.bytes += size;
    return offset;
  }

  give(offset: number, bytes: number): void {
    const size = sizeClass(bytes);
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [offset]);
    else list.push(offset);
  }
}
