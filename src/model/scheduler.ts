import type { EngineCore } from "../wasm/engine.js";
import { giveWay } from "./give_way.js";
import { Queue } from "./queue.js";
import { DEFAULT_SLICE, type SliceOptions } from "./time_slices.js";

/** Jobs that have begun and not ended: each may hold linear memory. Further ones wait. */
const MOST_BEGUN = 256;
/** Milliseconds without a reading of the clock after which the event loop is taken to have had a turn. */
const SILENCE = 20;
/** The most that one reading of the clock charges a job: the machine may have slept, or the clock was set. */
const LONGEST_CHARGE = 100;
/** Steps without a tick of the clock that end a slice: some hosts stop the clock while a program runs. */
const MOST_STILL_STEPS = 256;

export interface JobOptions extends SliceOptions {
  /** Makes the error of a job that `signal` ends. */
  readonly aborted: (reason: unknown) => Error;
  /** Called at the end of each slice of the job. If it throws, the job ends with that error. */
  readonly onPause?: (() => void) | undefined;
}

/** A generator on its way to its end. */
class Job {
  readonly options: JobOptions;
  readonly yieldEvery: number;
  /** Milliseconds of work, beside the fair share at the time when the job came. */
  used = 0;
  hasBegun = false;
  isOver = false;
  readonly #work: Generator<void, unknown, void>;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    work: Generator<void, unknown, void>,
    options: JobOptions,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.options = options;
    this.yieldEvery = options.yieldEvery ?? DEFAULT_SLICE;
    this.#work = work;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The job with the lowest place is next. */
  get place(): number {
    return this.hasBegun ? this.used : this.used - DEFAULT_SLICE;
  }

  /** Works until the generator yields. */
  step(): void {
    try {
      const { done, value } = this.#work.next();
      if (!done) return;
      this.isOver = true;
      this.#resolve(value);
    } catch (error) {
      this.isOver = true;
      this.#reject(error);
    }
  }

  /** Ends the job if its signal has aborted. */
  checkSignal(): void {
    if (this.isOver) return;
    const { signal, aborted } = this.options;
    if (signal?.aborted) this.#stop(() => aborted(signal.reason));
  }

  /** Says that the job pauses. */
  pause(): void {
    try {
      this.options.onPause?.();
    } catch (error) {
      this.#stop(() => error);
    }
  }

  /** Releases the resources of the generator. */
  #stop(reason: () => unknown): void {
    this.isOver = true;
    try {
      this.#work.return(undefined);
      this.#reject(reason());
    } catch (error) {
      this.#reject(error);
    }
  }
}

/**
 * Shares the time of one thread between the jobs of an engine. A slice of time belongs to one job, and ends early with it;
 * between two slices the event loop gets a turn. The next slice goes to the job that has had the least time. So the event
 * loop waits for one slice, however many jobs there are, and a short job waits for a few slices of a long one, not for its
 * end.
 *
 * Time is counted against the fair share, which grows by 1/n of all work while there are n jobs. A job that comes has had
 * the fair share, and its first slice comes before those of all that are less than a slice behind.
 */
export class Scheduler {
  /** In the order of their last slices. */
  readonly #begun = new Set<Job>();
  readonly #waiting = new Queue<Job>();
  #isRunning = false;
  #fairShare = 0;
  /** When the current slice began, and the last reading of the clock. */
  #start = Number.NEGATIVE_INFINITY;
  #now = Number.NEGATIVE_INFINITY;
  /** Steps since the clock last moved. */
  #stillSteps = 0;

  /** Runs a job to its end. If nothing else runs, its first slice runs within the call. */
  run<R>(work: Generator<void, R, void>, options: JobOptions): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const job = new Job(work, options, resolve as (result: unknown) => void, reject);
      job.checkSignal();
      if (job.isOver) return;
      this.#waiting.push(job);
      if (!this.#isRunning) void this.#drive();
    });
  }

  /** Works until no job is left. */
  async #drive(): Promise<void> {
    this.#isRunning = true;
    let job = this.#next();
    if (job !== undefined && this.#continuesSpentSlice(job)) {
      await this.#giveWay();
      job = this.#next();
    }
    while (job !== undefined) {
      this.#runSlice(job);
      if (this.#next() === undefined) break;
      await this.#giveWay();
      // Meanwhile jobs may have come, or been aborted.
      job = this.#next();
    }
    this.#isRunning = false;
  }

  /** The job whose turn it is. */
  #next(): Job | undefined {
    while (this.#begun.size < MOST_BEGUN) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      job.checkSignal();
      if (job.isOver) continue;
      job.used = this.#fairShare;
      this.#begun.add(job);
    }
    let next: Job | undefined;
    for (const job of this.#begun) {
      if (next === undefined || job.place < next.place) next = job;
    }
    return next;
  }

  #runSlice(job: Job): void {
    for (let isSpent = false; !isSpent && !job.isOver; ) {
      job.step();
      if (job.isOver && this.#begun.size === 1 && this.#waiting.size === 0) break;
      this.#charge(job);
      isSpent = this.#isSpent(job);
    }
    if (!job.isOver) job.pause();
    job.hasBegun = true;
    this.#begun.delete(job);
    if (!job.isOver) this.#begun.add(job);
  }

  /** Reads the clock, and counts the time since its last reading as the job's. */
  #charge(job: Job): void {
    const elapsed = this.#readClock();
    const charged = Math.min(Math.max(elapsed, 0), LONGEST_CHARGE);
    job.used += charged;
    this.#fairShare += charged / this.#begun.size;
    this.#stillSteps = elapsed === 0 ? this.#stillSteps + 1 : 0;
  }

  /** Whether the slice is over. The clock may be set back, or stand still. */
  #isSpent({ yieldEvery }: Job): boolean {
    const elapsed = this.#now - this.#start;
    const isStill = this.#stillSteps >= MOST_STILL_STEPS && yieldEvery < Number.POSITIVE_INFINITY;
    return elapsed >= yieldEvery || elapsed < 0 || isStill;
  }

  /**
   * Begins a slice for a job that comes when no other is there; returns true if it has to wait for a turn of the event loop,
   * because the slice of the last one is over and its turn is not.
   */
  #continuesSpentSlice(job: Job): boolean {
    const silence = this.#readClock();
    if (silence >= 0 && silence < SILENCE) return this.#isSpent(job);
    this.#start = this.#now;
    return false;
  }

  /** Milliseconds since the last reading. By `Date.now`: a Node process pays 3 ms for its first `performance.now` (Node 20, 2026). */
  #readClock(): number {
    const before = this.#now;
    this.#now = Date.now();
    return this.#now - before;
  }

  /** Lets the event loop have a turn, and begins the next slice. */
  async #giveWay(): Promise<void> {
    await giveWay();
    this.#readClock();
    const isWhole = this.#now - this.#start >= DEFAULT_SLICE;
    this.#start = this.#now;
    this.#stillSteps = 0;
    for (const job of this.#begun) {
      job.checkSignal();
      if (job.isOver) this.#begun.delete(job);
    }
    // There may be many, and their turn may come after every short job.
    if (isWhole) for (const job of this.#waiting) job.checkSignal();
  }
}

const schedulers = new WeakMap<EngineCore, Scheduler>();

/** The scheduler of an engine, which all its models share. */
export function schedulerOf(engine: EngineCore): Scheduler {
  let scheduler = schedulers.get(engine);
  if (scheduler === undefined) {
    scheduler = new Scheduler();
    schedulers.set(engine, scheduler);
  }
  return scheduler;
}
