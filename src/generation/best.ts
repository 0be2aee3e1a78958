/**
 * The best of what is offered, at most `limit`: by falling score, of equal ones what came first. A score of −Infinity or NaN is
 * not taken.
 */
export class Best<T> {
  readonly limit: number;
  /** In order. */
  readonly items: { readonly score: number; readonly item: T }[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether something with this score would be taken. */
  wants(score: number): boolean {
    return score > (this.items.length < this.limit ? Number.NEGATIVE_INFINITY : this.worst);
  }

  /** The score of the last one, if there are as many as there may be. */
  get worst(): number {
    const last = this.items[this.limit - 1];
    return last === undefined ? Number.NEGATIVE_INFINITY : last.score;
  }

  /** Takes an item if it is among the best. */
  offer(score: number, item: T): void {
    if (!this.wants(score)) return;
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.items[middle]?.score as number) >= score) low = middle + 1;
      else high = middle;
    }
    this.items.splice(low, 0, { score, item });
    if (this.items.length > this.limit) this.items.pop();
  }
}
