/** Texts that end a generation, wherever the borders of tokens are. */
export class StopTexts {
  readonly texts: readonly string[];
  /** For each text and each length of a match the next shorter match that ends there (Knuth, Morris and Pratt 1977). */
  readonly #shorter: readonly Int32Array[];

  constructor(texts: readonly string[]) {
    this.texts = texts;
    this.#shorter = texts.map((text) => {
      const shorter = new Int32Array(text.length + 1);
      for (let i = 1, length = 0; i < text.length; i++) {
        while (length > 0 && text[i] !== text[length]) length = shorter[length] as number;
        if (text[i] === text[length]) length++;
        shorter[i + 1] = length;
      }
      return shorter;
    });
  }

  /** The length of the match of text s after one more unit. */
  next(s: number, length: number, unit: number): number {
    const text = this.texts[s] as string;
    const shorter = this.#shorter[s] as Int32Array;
    let matched = length;
    while (matched > 0 && unit !== text.charCodeAt(matched)) matched = shorter[matched] as number;
    return unit === text.charCodeAt(matched) ? matched + 1 : 0;
  }
}

/** Reads the text of one sequence, token by token, and finds where it ends. */
export class StopSearch {
  readonly #stops: StopTexts;
  /** Of each text the length of the match that ends here. */
  readonly #matched: Int32Array;
  /** UTF-16 units read. */
  length = 0;
  /** The text that was found, and where it begins. */
  found: { readonly stop: string; readonly at: number } | undefined;

  constructor(stops: StopTexts) {
    this.#stops = stops;
    this.#matched = new Int32Array(stops.texts.length);
  }

  /** Another search that has read the same. */
  fork(): StopSearch {
    const fork = new StopSearch(this.#stops);
    fork.#matched.set(this.#matched);
    fork.length = this.length;
    fork.found = this.found;
    return fork;
  }

  /** Units at the end that may be the start of a stop. */
  get held(): number {
    let most = 0;
    for (let s = 0; s < this.#matched.length; s++) {
      most = Math.max(most, this.#matched[s] as number);
    }
    return most;
  }

  /** Reads the text of a token. Returns whether a stop ends in it; of several that end first the longest counts. */
  read(text: string): boolean {
    const { texts } = this.#stops;
    for (let i = 0; i < text.length; i++) {
      this.length++;
      for (let s = 0; s < texts.length; s++) {
        const length = this.#stops.next(s, this.#matched[s] as number, text.charCodeAt(i));
        this.#matched[s] = length;
        const stop = texts[s] as string;
        if (length < stop.length) continue;
        const at = this.length - length;
        if (this.found === undefined || at < this.found.at) this.found = { stop, at };
      }
      if (this.found !== undefined) return true;
    }
    return false;
  }
}
