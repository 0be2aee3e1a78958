import type { PoolStreamOptions, PushedStates, RemoteStream } from "recurra/pool";
import { Problem } from "../problem.js";
import type { BackendStream, Push, PushResult, Step, StepResult } from "./backend.js";
import { clientFault } from "./client_fault.js";

/** A stream of any pool. Only those of language models have `next`. */
type PoolStreamLike = RemoteStream & {
  fork(): PoolStreamLike;
  next?(): Promise<Float64Array>;
};

/** What is used of a pool. */
interface Source<S extends PoolStreamLike> {
  stream(options: PoolStreamOptions): S;
  /** Pushes a step to each of the streams: one may occur several times. */
  pushAll(
    streams: readonly S[],
    steps: readonly Step[],
    options: { readonly states: boolean },
  ): Promise<PushedStates & { readonly results: readonly StepResult[] }>;
}

/** The streams of a pool, as the server uses them. */
export class PooledStreams<S extends PoolStreamLike> {
  readonly #source: Source<S>;
  readonly #checkpointEvery: number | undefined;

  /** @param checkpointEvery pushes after which a stream's state is saved in this process; 0 for never */
  constructor(source: Source<S>, checkpointEvery: number) {
    this.#source = source;
    this.#checkpointEvery = checkpointEvery === 0 ? undefined : checkpointEvery;
  }

  /** Opens a stream, at the beginning or in a state. */
  open(from: Uint8Array | undefined): BackendStream {
    const checkpointEvery = this.#checkpointEvery;
    return new PooledStream(this.#source.stream({ from, checkpointEvery }), from !== undefined);
  }

  /** Pushes the steps of all streams, in one message for each worker. */
  async pushAll(
    pushes: readonly Push[],
    { states }: { readonly states: boolean },
  ): Promise<PushResult[]> {
    const streams: S[] = [];
    const all: Step[] = [];
    for (const { stream, steps } of pushes) {
      for (const step of steps) {
        streams.push((stream as PooledStream).inner as S);
        all.push(step);
      }
    }
    // The state after each step would come; only that after the last one is wanted.
    const isSingle = streams.length === pushes.length;
    const pushed = await this.#source.pushAll(streams, all, { states: states && isSingle });
    let at = 0;
    const results = pushes.map(({ steps }): PushResult => {
      const first = at;
      at += steps.length;
      for (let place = first; place < at && pushed.errors.size > 0; place++) {
        const error = pushed.errors.get(place);
        if (error !== undefined) return clientFault(error);
      }
      const state = states && isSingle ? pushed.states[first] : undefined;
      return { results: pushed.results.slice(first, at), state };
    });
    if (!states || isSingle) return results;
    return Promise.all(
      results.map(async (result, k) => {
        if (result instanceof Error) return result;
        return (pushes[k] as Push).stream.state().then(
          (state) => ({ ...result, state }),
          (error: Error) => error,
        );
      }),
    );
  }
}

/** A stream of a pool. */
class PooledStream implements BackendStream {
  readonly inner: PoolStreamLike;
  readonly opened: Promise<void>;

  /** @param isGiven whether it is opened in a state that was given */
  constructor(inner: PoolStreamLike, isGiven: boolean) {
    this.inner = inner;
    // Bytes that are no state are the error of the first command.
    this.opened = isGiven ? inner.state.toBytes().then(() => undefined) : Promise.resolve();
    // Whoever waits for it is told; nobody has to.
    this.opened.catch(() => undefined);
  }

  async next(): Promise<Float64Array> {
    const { inner } = this;
    if (inner.next !== undefined) return inner.next();
    throw new Problem(
      "not-supported",
      "next: only a language model has probabilities of the next token",
    );
  }

  fork(): BackendStream {
    return new PooledStream(this.inner.fork(), false);
  }

  state(): Promise<Uint8Array> {
    return this.inner.state.toBytes();
  }

  close(): void {
    this.inner.dispose();
  }
}
