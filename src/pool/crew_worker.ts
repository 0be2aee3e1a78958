import { StateError } from "../errors.js";
import { after } from "./clock.js";
import type { FromWorker, OpenMessage, PushedInputs, WorkerNews } from "./protocol.js";
import { PushQueue } from "./push_queue.js";
import type { Task } from "./task.js";
import { fromWire } from "./wire_error.js";
import { locks, type WorkerLike, WorkerPort } from "./worker_port.js";

/** What a worker of a crew tells. */
export interface CrewWorkerEvents {
  /** It serves the model. */
  ready(facts: object): void;
  /**
   * It has ended, and its tasks were told so.
   *
   * @param isRefusal whether it ran, but could not serve the model
   */
  lost(cause: Error, isRefusal: boolean): void;
  /** It has room for more work. */
  free(): void;
  /** It has answered pushes of so many streams, the first of which waited so many milliseconds. */
  pushed(rows: number, waited: number, news: WorkerNews): void;
}

/** How a worker is started, and what it is told. */
export interface CrewWorkerSetup {
  /** The function that makes the pool. */
  readonly where: string;
  readonly spawn: () => WorkerLike;
  readonly open: Omit<OpenMessage, "lock">;
  /** Milliseconds within which it has to be ready. */
  readonly startTimeout: number;
  /** Packs the inputs of many pushes. */
  readonly pack: (inputs: readonly unknown[]) => PushedInputs;
}

let serial = 0;

/** A name that no other worker of this host has. */
const lockName = (): string =>
  `recurra-pool-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}-${serial++}`;

/** The place of one worker in a crew: the worker that is there now, and what it was asked. */
export class CrewWorker {
  readonly #events: CrewWorkerEvents;
  readonly #setup: CrewWorkerSetup;
  /** Not answered, in the order in which the worker gets them. */
  readonly #tasks = new Map<number, Task>();
  #port: WorkerPort | undefined;
  /** What the worker holds as long as it lives. */
  #lock: string | undefined;
  #nextId = 0;
  #isReady = false;
  #endTimeout: () => void = () => undefined;
  /** What streams are pushed. */
  readonly pushes: PushQueue;
  /** Bytes of its linear memory, as it last said. */
  memory = 0;
  /** The weight of the tasks that are not answered. */
  load = 0;
  /** How many of them take long. */
  longs = 0;
  /** Live streams. */
  streams = 0;
  /** How many workers have ended at this place, and why the last one did. */
  ended = 0;
  cause: Error | undefined;
  /** Starts in a row that failed. */
  failures = 0;

  constructor(setup: CrewWorkerSetup, events: CrewWorkerEvents) {
    this.#setup = setup;
    this.#events = events;
    this.pushes = new PushQueue({
      ask: (task) => this.ask(task),
      pack: setup.pack,
      answered: (rows, waited, news) => events.pushed(rows, waited, news),
    });
  }

  /** Whether it serves the model; if not, it is starting. */
  get isReady(): boolean {
    return this.#isReady;
  }

  start(isKept: boolean): void {
    const lost = (cause: Error): void => this.#lose(cause);
    const { spawn, open, startTimeout } = this.#setup;
    try {
      const message = (data: unknown): void => this.#hear(data as FromWorker);
      const port = new WorkerPort(spawn(), { message, lost });
      this.#port = port;
      port.keepAlive(isKept);
      // Where it is not needed, to wait for a lock would keep the process alive.
      this.#lock = port.tellsEnd || locks() === undefined ? undefined : lockName();
      port.post({ ...open, lock: this.#lock });
      this.#endTimeout = after(startTimeout, () => {
        void port.terminate();
        lost(new Error(`it was not ready within ${startTimeout} ms (option startTimeout)`));
      });
    } catch (error) {
      void this.#port?.terminate();
      lost(error as Error);
    }
  }

  /** Asks the worker something; if it is starting it is asked when it is ready. */
  ask(task: Task): number {
    const id = this.#nextId++;
    this.#tasks.set(id, task);
    this.load += task.weight;
    this.longs += Number(task.isLong === true);
    if (this.#isReady) this.#port?.post(task.message(id));
    return id;
  }

  /** Ends the work on a task of `score`, which is answered all the same. */
  abort(id: number): void {
    if (this.#tasks.has(id)) this.#port?.post({ kind: "abort", id });
  }

  keepAlive(isKept: boolean): void {
    this.#port?.keepAlive(isKept);
  }

  /** Ends the worker, and its tasks. */
  async terminate(): Promise<void> {
    this.#endTimeout();
    const ended = this.#port?.terminate();
    this.#dropTasks(new StateError("the pool was closed"));
    await ended;
  }

  #hear(message: FromWorker): void {
    if (message.kind === "ready") {
      this.#endTimeout();
      this.memory = message.memory;
      if (message.isLocked) this.#port?.watchLock(this.#lock as string);
      this.#isReady = true;
      this.failures = 0;
      for (const [id, task] of this.#tasks) this.#port?.post(task.message(id));
      this.#events.ready(message.facts);
      return;
    }
    if (message.kind === "refused") {
      void this.#port?.terminate();
      const { error } = message;
      const said = error.message.replace(
        /^(loadLanguageModel|loadTagger|openGraph|stream|createEngine):/,
        `${this.#setup.where}:`,
      );
      this.#lose(fromWire({ ...error, message: said }), true);
      return;
    }
    const task = this.#tasks.get(message.id);
    this.#tasks.delete(message.id);
    if (task === undefined) return;
    this.load -= task.weight;
    this.longs -= Number(task.isLong === true);
    this.memory = message.memory;
    task.done(message);
    this.#events.free();
  }

  #lose(cause: Error, isRefusal = false): void {
    this.#endTimeout();
    if (!this.#isReady) this.failures++;
    this.#dropTasks(cause);
    this.#events.lost(cause, isRefusal);
  }

  #dropTasks(cause: Error): void {
    this.#isReady = false;
    this.ended++;
    this.cause = cause;
    const tasks = [...this.#tasks.values()];
    this.#tasks.clear();
    this.load = 0;
    this.longs = 0;
    this.streams = 0;
    this.memory = 0;
    const running = tasks.find((task) => task.weight > 0);
    for (const task of tasks) task.lost(cause, task === running);
    this.pushes.drop(cause);
  }
}
