import { SingleBar } from "cli-progress";
import type { FitReport } from "../../train.js";
import { duration } from "../progress.js";
import { count } from "./task.js";

const LINE_MS = 10_000;
/** The loss that is shown is a mean over about so many steps. */
const MEAN_OF = 50;

export interface LiveLineOptions {
  readonly steps: number;
  /** Steps that an earlier run has done. */
  readonly from: number;
  readonly unit: string;
  /** Milliseconds. */
  readonly now?: () => number;
}

/**
 * How far the training is, on stderr: a bar on a terminal, otherwise a line every ten seconds, with the loss, that of the
 * validation, the speed and the time left.
 */
export class LiveLine {
  readonly #options: LiveLineOptions;
  readonly #now: () => number;
  readonly #start: number;
  readonly #bar: SingleBar | undefined;
  #next: number;
  #loss = 0;
  #shown = 0;
  #units = 0;
  #validation: number | undefined;

  constructor(options: LiveLineOptions) {
    const { steps, from, now = () => performance.now() } = options;
    this.#options = options;
    this.#now = now;
    this.#start = now();
    this.#next = this.#start + LINE_MS;
    if (process.stderr.isTTY !== true) return;
    this.#bar = new SingleBar({
      format: "{bar} {percentage}% · {line}",
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 20,
    });
    this.#bar.start(Math.max(steps, 1), from, { line: "" });
  }

  show({ step, loss, tokens, validation }: FitReport): void {
    this.#shown++;
    this.#loss += (loss - this.#loss) / Math.min(this.#shown, MEAN_OF);
    this.#units += tokens;
    this.#validation = validation ?? this.#validation;
    if (this.#bar !== undefined) {
      this.#bar.update(step, { line: this.#text(step) });
      return;
    }
    const time = this.#now();
    if (time < this.#next) return;
    this.#next = time + LINE_MS;
    const { steps } = this.#options;
    process.stderr.write(`recurra: step ${count(step)} of ${count(steps)} · ${this.#text(step)}\n`);
  }

  #text(step: number): string {
    const { steps, from, unit } = this.#options;
    const seconds = (this.#now() - this.#start) / 1000;
    const left = (seconds * (steps - step)) / Math.max(step - from, 1);
    const parts = [`loss ${this.#loss.toFixed(3)}`];
    if (this.#validation !== undefined) parts.push(`validation ${this.#validation.toFixed(3)}`);
    parts.push(`${count(Math.round(this.#units / Math.max(seconds, 1e-3)))} ${unit}/s`);
    parts.push(`${duration(left)} left`);
    return parts.join(" · ");
  }

  end(): void {
    this.#bar?.stop();
  }
}
