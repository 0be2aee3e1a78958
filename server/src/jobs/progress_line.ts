/** Seconds as "3 h 20 min", "5 min 10 s" or "8 s". */
export function duration(seconds: number): string {
  const whole = Math.max(Math.round(seconds), 0);
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h} h ${min} min`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
}

/** What is shown. */
interface Shown {
  readonly shards: number;
  readonly shardsDone: number;
  readonly share: number;
  readonly secondsLeft?: number | undefined;
}

/** Milliseconds between two lines: of a terminal, whose line is written over, and of a log. */
const [TERMINAL_MS, LOG_MS] = [200, 10_000];

/** How far a job is, on stderr. */
export class ProgressLine {
  readonly #isQuiet: boolean;
  readonly #isTerminal = process.stderr.isTTY === true;
  #next = this.#isTerminal ? 0 : performance.now() + LOG_MS;
  #isOpen = false;

  constructor(isQuiet: boolean) {
    this.#isQuiet = isQuiet;
  }

  show({ shards, shardsDone, share, secondsLeft }: Shown): void {
    const now = performance.now();
    if (this.#isQuiet || now < this.#next) return;
    this.#next = now + (this.#isTerminal ? TERMINAL_MS : LOG_MS);
    const parts = [`${Math.floor(100 * share)} %`, `${shardsDone} of ${shards} shards`];
    if (secondsLeft !== undefined) parts.push(`${duration(secondsLeft)} left`);
    const text = `recurra-server: ${parts.join(" · ")}`;
    process.stderr.write(this.#isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
    this.#isOpen = this.#isTerminal;
  }

  end(): void {
    if (this.#isOpen) process.stderr.write("\r\x1b[K");
    this.#isOpen = false;
  }
}
