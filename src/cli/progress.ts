import { type Options, SingleBar } from "cli-progress";
import type { Input } from "./input.js";

const EVERY_MS = 100;

/** A bar on stderr, if stderr is a terminal, stdout is not, and the size of the input is known. */
export class Progress {
  readonly #input: Input;
  readonly #bar: SingleBar | undefined;
  #next = 0;

  constructor(input: Input) {
    this.#input = input;
    if (!process.stderr.isTTY || process.stdout.isTTY || input.size === undefined) return;
    const options: Options = {
      format: "{bar} {percentage}% · {lines} lines · {eta_formatted} left",
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 30,
    };
    this.#bar = new SingleBar(options);
    this.#bar.start(Math.max(input.size, 1), 0, { lines: 0 });
  }

  /** Updates the bar, at most ten times a second. */
  show(lines: number): void {
    if (this.#bar === undefined || performance.now() < this.#next) return;
    this.#next = performance.now() + EVERY_MS;
    this.#bar.update(this.#input.read, { lines });
  }

  end(): void {
    this.#bar?.stop();
  }
}
