/**
 * Sequences of any lengths, step by step. They are sorted by falling length, so that those active in a step come first:
 *
 *     step     0        1        2              rows, one after the other
 *     rows     a b c    a b      a              a0 b0 c0 a1 b1 a2
 *
 * A "row" is one of these N = Σ lengths packed rows. If all lengths are T, this is the time-major tensor (T, m, n).
 */
export class Batch {
  /** The number of sequences. */
  readonly m: number;
  /** The steps of the longest one. */
  readonly T: number;
  /** For each place in the batch the caller's index of the sequence; undefined if both are the same. */
  readonly order: Int32Array | undefined;
  /** The first row of each step and, last, N; undefined if every step has m rows. */
  readonly #starts: Int32Array | undefined;

  private constructor(m: number, T: number, order?: Int32Array, starts?: Int32Array) {
    this.m = m;
    this.T = T;
    this.order = order;
    this.#starts = starts;
  }

  /** m sequences of T steps. */
  static dense(m: number, T: number): Batch {
    return new Batch(m, T);
  }

  /** One sequence for each length, in the caller's order. */
  static ragged(lengths: readonly number[]): Batch {
    const m = lengths.length;
    const T = lengths.reduce((longest, length) => Math.max(longest, length), 0);
    if (lengths.every((length) => length === T)) return new Batch(m, T);
    // A counting sort: the number of sequences longer than t gives each one's place; equal lengths keep their order.
    const starts = new Int32Array(T + 1);
    const places = new Int32Array(T + 2);
    for (const length of lengths) places[length] = (places[length] as number) + 1;
    for (let t = T; t >= 0; t--) places[t] = (places[t] as number) + (places[t + 1] as number);
    for (let t = 0; t < T; t++) starts[t + 1] = (starts[t] as number) + (places[t + 1] as number);
    const order = new Int32Array(m);
    lengths.forEach((length, b) => {
      const place = places[length + 1] as number;
      places[length + 1] = place + 1;
      order[place] = b;
    });
    return new Batch(m, T, order, starts);
  }

  /** N. */
  get rows(): number {
    return this.start(this.T);
  }

  /** The first row of step t ≤ T. */
  start(t: number): number {
    return this.#starts === undefined ? t * this.m : (this.#starts[t] as number);
  }

  /** The number of sequences longer than t: those active in step t. */
  active(t: number): number {
    if (t >= this.T) return 0;
    return this.#starts === undefined ? this.m : this.start(t + 1) - this.start(t);
  }

  /** The last step, exclusive, of a chunk that starts at `first` and has at most `rows` rows, or a single step. */
  lastStep(first: number, rows: number): number {
    if (this.#starts === undefined) {
      return Math.min(first + Math.max(Math.floor(rows / Math.max(this.m, 1)), 1), this.T);
    }
    let last = first + 1;
    while (last < this.T && this.start(last + 1) - this.start(first) <= rows) last++;
    return last;
  }

  /** Visits each row of some steps, with the place of its sequence and its step. */
  forEachRow(first: number, last: number, visit: (row: number, place: number, t: number) => void) {
    for (let t = first; t < last; t++) {
      const start = this.start(t);
      const active = this.active(t);
      for (let place = 0; place < active; place++) visit(start + place, place, t);
    }
  }

  /** For each row (place, t) the row (place, length − 1 − t), which a reversed direction reads and writes in its place. */
  mirror(): Int32Array {
    const ends = this.lengths();
    const index = new Int32Array(this.rows);
    this.forEachRow(0, this.T, (row, place, t) => {
      index[row] = this.start((ends[place] as number) - 1 - t) + place;
    });
    return index;
  }

  /** For each row (place, t) the row of (place, t − 1) in h (m + N), which starts with the initial state. */
  previous(): Int32Array {
    const index = new Int32Array(this.rows);
    this.forEachRow(0, this.T, (row, place, t) => {
      index[row] = t === 0 ? place : this.m + this.start(t - 1) + place;
    });
    return index;
  }

  /** Whether lengths differ: the h before a row is then not simply m rows earlier. */
  get ragged(): boolean {
    return this.#starts !== undefined;
  }

  /** The lengths in the caller's order. */
  lengthsInOrder(): number[] {
    const lengths: number[] = Array(this.m);
    this.lengths().forEach((length, place) => {
      lengths[this.order?.[place] ?? place] = length;
    });
    return lengths;
  }

  /** The lengths in the batch's order, falling. */
  lengths(): Int32Array {
    const lengths = new Int32Array(this.m);
    for (let t = 0; t < this.T; t++) {
      for (let place = this.active(t + 1); place < this.active(t); place++) lengths[place] = t + 1;
    }
    return lengths;
  }
}
