/** A stream as it is kept outside the workers. */
export interface StoredStream {
  /** Counts the saves; the first one makes it 1. */
  readonly version: number;
  readonly model: string;
  /** The hash of the model (SHA-256, hex) whose state the bytes are. */
  readonly modelHash: string;
  /** The state, as `stream.state.toBytes()` gives it. */
  readonly bytes: Uint8Array;
  /** The steps that the stream has read. */
  readonly position: number;
}

/** One save: a compare-and-set of the version. */
export interface StreamSave {
  readonly id: string;
  /** The version that the store must have: 0 for a stream that must not exist. The save makes it one more. */
  readonly expected: number;
  readonly stream: Omit<StoredStream, "version">;
}

/**
 * Keeps the states of streams, so that any instance continues any stream. Without one (`--state memory`) the streams live in
 * the memory of their workers only. Every method rejects with a `Problem` of code `state-unavailable` if the store cannot be
 * reached.
 */
export interface StreamStore {
  load(id: string): Promise<StoredStream | undefined>;
  /**
   * Saves streams, all in one exchange with the store, and prolongs their time to live.
   *
   * @returns for each save whether it was made: false if another instance has saved the stream since
   */
  save(saves: readonly StreamSave[]): Promise<boolean[]>;
  /** @returns whether the stream was there */
  remove(id: string): Promise<boolean>;
  /** Whether the store took a write when it was last asked; it is asked all the time. While it is false loads and saves fail at once. */
  readonly isUp: boolean;
  /** How often the store went away since the start. */
  readonly losses: number;
  close(): Promise<void>;
}

/** What `openStore` of a kind of store takes. */
export interface StoreOptions {
  /** The address, with its credentials: `redis://…`. */
  readonly address: string;
  /** Seconds after its last save for which a stream is kept. */
  readonly timeToLive: number;
  /** Tells of what the store does on its own: connections that are lost and made again. */
  readonly log: {
    warn(fields: object, message: string): void;
    info(fields: object, message: string): void;
  };
}

export type OpenStore = (options: StoreOptions) => Promise<StreamStore>;
