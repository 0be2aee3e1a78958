import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { encodeUtf8 } from "../../utf8.js";

const MAX_SHOWN = 40;

/**
 * Reads the JSON of a header once, from left to right. `JSON.parse` would silently keep the last of two equal keys, and
 * would build the whole value before any limit is checked.
 */
export class HeaderText {
  readonly #text: string;
  /** Byte of the file at which the text begins. */
  readonly #start: number;
  #at = 0;
  /** The tensor whose entry is being read. */
  tensor: string | undefined;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#start = start;
  }

  /** Throws an error that names the tensor and the byte. */
  fail(code: ModelFormatCode, what: string, at = this.#at): never {
    const place = this.tensor === undefined ? "header" : JSON.stringify(this.tensor);
    const before = encodeUtf8(this.#text.slice(0, at)).length;
    const offset = this.#start + before;
    throw new ModelFormatError(
      code,
      `readSafetensors: ${place}: ${what}, at byte ${offset}`,
      this.tensor,
      offset,
    );
  }

  /** The next character that is not white space; empty at the end. */
  peek(): string {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "end")) this.#at++;
    return this.#text[this.#at] ?? "";
  }

  /** Where the next token begins. */
  get at(): number {
    this.peek();
    return this.#at;
  }

  /** Throws unless the next value begins with `first`. */
  kind(first: string, code: ModelFormatCode, expected: string): void {
    if (this.peek() === first) return;
    const shown = this.#text.slice(this.#at, this.#at + MAX_SHOWN);
    this.fail(code, `expected ${expected}, got ${shown === "" ? "the end" : shown}`);
  }

  #take(characters: string): string {
    const next = this.peek();
    if (next === "" || !characters.includes(next)) {
      const wanted = [...characters].join(" or ");
      this.fail("header-json", `expected ${wanted}, got ${next === "" ? "the end" : next}`);
    }
    this.#at++;
    return next;
  }

  #list(brackets: "{}" | "[]", visit: () => void): void {
    const [open = "", close = ""] = brackets;
    this.#take(open);
    if (this.peek() === close) {
      this.#at++;
      return;
    }
    do visit();
    while (this.#take(`,${close}`) === ",");
  }

  /** Reads an object. `visit` receives each key and reads its value. */
  object(visit: (key: string, at: number) => void): void {
    this.#list("{}", () => {
      const { at } = this;
      const key = this.string();
      this.#take(":");
      visit(key, at);
    });
  }

  /** Reads an array. `visit` reads an element. */
  array(visit: () => void): void {
    this.#list("[]", visit);
  }

  string(): string {
    const { at } = this;
    this.#take('"');
    for (let code = 0; code !== 34; this.#at++) {
      code = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(code)) this.fail("header-json", "expected a string with an end", at);
      if (code === 92) this.#at++;
    }
    const literal = this.#text.slice(at, this.#at);
    let value: string;
    try {
      value = JSON.parse(literal);
    } catch {
      return this.fail(
        "header-json",
        `expected a JSON string, got ${literal.slice(0, MAX_SHOWN)}`,
        at,
      );
    }
    if (hasLoneSurrogate(value))
      this.fail("header-json", "expected a well-formed string, got half a surrogate pair", at);
    return value;
  }

  /** A safe integer ≥ 0, written without sign, point or exponent. */
  integer(what: string): number {
    const { at } = this;
    const literal = /[^\s,\]}]*/y;
    literal.lastIndex = at;
    const word = literal.exec(this.#text)?.[0] ?? "";
    const value = /^(0|[1-9]\d{0,15})$/.test(word) ? Number(word) : Number.NaN;
    if (!Number.isSafeInteger(value)) {
      const shown = word.slice(0, MAX_SHOWN);
      this.fail("integer", `${what}: expected an integer from 0 to 2^53 − 1, got ${shown}`, at);
    }
    this.#at += word.length;
    return value;
  }

  /** Throws unless only white space is left. */
  end(): void {
    const next = this.peek();
    if (next !== "") this.fail("header-json", `expected the end after }, got ${next}`);
  }
}

/** Whether a string has no UTF-8 form. */
export const hasLoneSurrogate = (text: string): boolean => /[\ud800-\udfff]/u.test(text);
