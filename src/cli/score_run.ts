import { AbortedError, type Score } from "../index.js";
import { InputError } from "./faults.js";
import type { Input, Item, Reading } from "./input.js";
import type { Interruption } from "./output.js";
import type { Kept } from "./resume.js";
import { type Rows, type Scored, Sum } from "./rows.js";
import type { ScoreModel } from "./score_model.js";
import type { Sink } from "./sink.js";

/** What happens to a line that cannot be scored: it ends the run, is left out, or has its error in its place. */
export const ON_ERROR = ["fail", "skip", "report"] as const;
export type OnLineError = (typeof ON_ERROR)[number];

/** A line on its way: with its tokens, or with the reason why it has none. */
type Entry =
  | Omit<Scored, "score">
  | { readonly line: number; readonly fields: string; readonly error: InputError };

export interface RunSetup {
  readonly input: Input;
  readonly reading: Reading;
  readonly model: ScoreModel;
  readonly rows: Rows;
  readonly sink: Sink;
  readonly onError: OnLineError;
  /** The last line of the output that is continued, and the file's name. */
  readonly last: Kept["last"];
  readonly out: string | undefined;
}

/** One pass over an input: lines are read ahead, and their results written in order. */
export class ScoreRun {
  readonly sum = new Sum();
  failed = 0;
  readonly #setup: RunSetup;
  /** Lines that were read and are not written yet, in order. */
  readonly #entries: Entry[] = [];
  /** A line that an earlier run has written: it must come once more. */
  #expected: Kept["last"];

  constructor(setup: RunSetup) {
    this.#setup = setup;
    this.#expected = setup.last;
  }

  /** The tokens of each line that has some. */
  async *sequences(): AsyncGenerator<Int32Array, void, void> {
    const { input, reading, last, onError } = this.#setup;
    for await (const item of input.items(reading)) {
      if (last !== undefined && item.line < last.line) continue;
      try {
        yield this.#read(item);
      } catch (error) {
        if (onError === "fail" || !(error instanceof InputError)) throw error;
        this.#entries.push({ line: item.line, fields: item.fields(), error });
        // Without a line before it that waits for its score, nothing else would write it before the next one comes.
        if (this.#entries.length === 1) await this.#writeFailed();
      }
    }
  }

  /** Writes results, in the order of `sequences`. */
  async write(results: AsyncIterable<Score | Error>, show: (lines: number) => void): Promise<void> {
    const { input, rows } = this.#setup;
    for await (const result of results) {
      await this.#writeFailed();
      const entry = this.#entries[0] as Omit<Scored, "score">;
      const { line, fields } = entry;
      if (result instanceof Error) {
        const error = new InputError(`${input.name}:${line}: ${result.message}`);
        this.#entries[0] = { line, fields, error };
        continue;
      }
      this.#entries.shift();
      this.sum.add(result);
      await this.#write(rows.scored({ ...entry, score: result }));
      show(this.sum.lines);
    }
    await this.#writeFailed();
    if (this.#expected !== undefined) {
      const { line } = this.#expected;
      throw this.#otherRun(`it ends with line ${line}, which ${input.name} does not have`);
    }
  }

  /** Whether an error is only the echo of an interruption. */
  isEnd(error: unknown, { code }: Interruption): boolean {
    return code !== undefined && (error instanceof AbortedError || this.#setup.input.closed);
  }

  #read(item: Item): Int32Array {
    const { input, model } = this.#setup;
    const { line } = item;
    const sequence = item.sequence();
    const ids = model.encode(input, line, sequence);
    this.#entries.push({ line, fields: item.fields(), sequence, ids });
    return ids;
  }

  /** Writes the lines without a score that come next. */
  async #writeFailed(): Promise<void> {
    const { rows, onError } = this.#setup;
    for (
      let [next] = this.#entries;
      next !== undefined && "error" in next;
      [next] = this.#entries
    ) {
      this.#entries.shift();
      this.failed++;
      if (onError === "report") await this.#write(rows.failed(next, next.error.message));
    }
  }

  async #write(text: string): Promise<void> {
    const expected = this.#expected;
    if (expected === undefined) return this.#setup.sink.write(text);
    this.#expected = undefined;
    if (text !== `${expected.text}\n`) {
      throw this.#otherRun(`this run gives another result for line ${expected.line}`);
    }
  }

  #otherRun(what: string): InputError {
    const how = "it comes from another input, another model or other options";
    return new InputError(`${this.#setup.out}: --resume: ${what}: ${how}`);
  }
}
