/** Some of the continuations, which begin alike: those from `first` up to `end`, after `depth` tokens. */
export interface Branch {
  readonly first: number;
  readonly end: number;
  readonly depth: number;
}

/**
 * The continuations that are allowed, as a trie: sorted sequences, of which a node is a range. Nothing is kept but the
 * sequences, so a dictionary may be large.
 */
export class Continuations {
  readonly root: Branch;
  readonly #sequences: readonly Int32Array[];

  /** @param sequences at least one token each */
  constructor(sequences: readonly Int32Array[]) {
    const sorted = [...sequences].sort(compare);
    this.#sequences = sorted.filter(
      (each, i) => i === 0 || compare(sorted[i - 1] as Int32Array, each) !== 0,
    );
    this.root = { first: 0, end: this.#sequences.length, depth: 0 };
  }

  /** Whether a continuation ends here. */
  isEnd({ first, depth }: Branch): boolean {
    return (this.#sequences[first] as Int32Array).length === depth;
  }

  /** Whether a continuation goes on from here. */
  goesOn(branch: Branch): boolean {
    return branch.end - branch.first > (this.isEnd(branch) ? 1 : 0);
  }

  /** Calls `visit` with each token that may come next, in ascending order, and where it leads. */
  each(branch: Branch, visit: (token: number, next: Branch) => void): void {
    const { depth, end } = branch;
    let first = branch.first + (this.isEnd(branch) ? 1 : 0);
    while (first < end) {
      const token = this.#token(first, depth);
      let [low, high] = [first + 1, end];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.#token(middle, depth) === token) low = middle + 1;
        else high = middle;
      }
      visit(token, { first, end: low, depth: depth + 1 });
      first = low;
    }
  }

  /** Where a token leads; undefined if it may not come. */
  after(branch: Branch, token: number): Branch | undefined {
    let found: Branch | undefined;
    this.each(branch, (id, next) => {
      if (id === token) found = next;
    });
    return found;
  }

  #token(i: number, depth: number): number {
    return (this.#sequences[i] as Int32Array)[depth] as number;
  }
}

/** By the first token that differs; of two that begin alike the shorter one is first. */
function compare(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let t = 0; t < length; t++) {
    const difference = (a[t] as number) - (b[t] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
