import { type Options, SingleBar } from "cli-progress";
import type { Input } from "./input.js";

const BAR_MS = 100;
const LINE_MS = 10_000;

/** Seconds as "3 h 20 min", "5 min 10 s" or "8 s". */
export function duration(seconds: number): string {
  const whole = Math.max(Math.round(seconds), 0);
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h} h ${min} min`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
}

export interface ProgressOptions {
  /** Whether results go to the terminal, where progress would be in their way. */
  readonly isShown: boolean;
  /** Milliseconds. */
  readonly now?: () => number;
}

/**
 * How far a run is, on stderr: a bar if that is a terminal and the size of the input is known, otherwise a line every ten
 * seconds.
 */
export class Progress {
  readonly #input: Input;
  readonly #now: () => number;
  readonly #every: number;
  #bar: SingleBar | undefined;
  #next: number;
  /** Where scoring began: the lines before are an earlier run's. */
  #start: { readonly time: number; readonly read: number } | undefined;

  constructor(input: Input, { isShown, now = () => performance.now() }: ProgressOptions) {
    this.#input = input;
    this.#now = now;
    const isTerminal = process.stderr.isTTY === true;
    const hasBar = !isShown && isTerminal && input.size !== undefined;
    this.#every = hasBar ? BAR_MS : isShown || isTerminal ? Number.POSITIVE_INFINITY : LINE_MS;
    this.#next = hasBar ? 0 : now() + this.#every;
    if (hasBar) this.#bar = newBar(input.size);
  }

  /** Shows how far the run is, if it is time. */
  show(lines: number): void {
    const time = this.#now();
    const { read, size } = this.#input;
    this.#start ??= { time, read };
    if (time < this.#next) return;
    this.#next = time + this.#every;
    if (this.#bar !== undefined) {
      this.#bar.update(read, { lines });
      return;
    }
    const seconds = (time - this.#start.time) / 1000;
    const done = read - this.#start.read;
    const parts = [`${lines.toLocaleString("en")} lines`];
    if (size !== undefined) parts.push(`${Math.floor((100 * read) / Math.max(size, 1))}%`);
    if (size !== undefined && done > 0) {
      parts.push(`${duration((seconds * (size - read)) / done)} left`);
    } else parts.push(duration(seconds));
    process.stderr.write(`recurra: ${parts.join(" · ")}\n`);
  }

  end(): void {
    this.#bar?.stop();
  }
}

function newBar(size = 0): SingleBar {
  const options: Options = {
    format: "{bar} {percentage}% · {lines} lines · {eta_formatted} left",
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 30,
  };
  const bar = new SingleBar(options);
  bar.start(Math.max(size, 1), 0, { lines: 0 });
  return bar;
}
