import type { Asked, Reply, WorkerNews } from "./protocol.js";

/** Something that a worker is asked. Either `done` or `lost` is called, once. */
export interface Task {
  /** How much of the room at a worker it takes: 0 for a command, 1 for a portion, all of it for one that is to be alone. */
  readonly weight: number;
  /** Whether it takes long: a worker has one such at a time. */
  readonly isLong?: boolean;
  message(id: number): Asked;
  done(reply: Reply & WorkerNews): void;
  /** The worker ended. @param wasRunning whether it may have worked on this */
  lost(cause: Error, wasRunning: boolean): void;
}
