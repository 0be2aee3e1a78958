import type { PushMessage, Reply, StreamMessage, ValueReply } from "./protocol.js";
import type { PushTarget, Served, ServedStream } from "./served.js";
import { toWire, type WireError } from "./wire_error.js";

/** A stream at its worker, or the reason why it could not be made. */
interface HeldStream {
  readonly stream: ServedStream | Error;
  /** The last push that had it, and how often that has it. */
  push: number;
  times: number;
}

/** The streams of a worker, by their numbers in the pool. */
export class HeldStreams {
  readonly #served: Served;
  readonly #streams = new Map<number, HeldStream>();
  #pushes = 0;

  constructor(served: Served) {
    this.#served = served;
  }

  /** Does what a stream is asked. */
  obey({ id, stream: n, command }: StreamMessage): ValueReply {
    const value = (given: ValueReply["value"]): ValueReply => ({ kind: "value", id, value: given });
    if (command.name === "open") {
      this.#streams.set(n, { stream: this.#newStream(command.from), push: 0, times: 0 });
      return value(undefined);
    }
    const stream = this.#stream(n);
    switch (command.name) {
      case "next":
        return value((this.#served as Required<Served>).next(stream));
      case "reset":
        stream.reset();
        return value(undefined);
      case "toBytes":
        return value(stream.state.toBytes());
      case "fromBytes":
        stream.state.fromBytes(command.bytes);
        return value(undefined);
      case "dispose":
        this.#streams.delete(n);
        stream.dispose();
        return value(undefined);
    }
  }

  #newStream(from: number | Uint8Array | undefined): ServedStream | Error {
    try {
      if (typeof from === "number") return this.#stream(from).fork();
      const stream = this.#served.newStream();
      if (from === undefined) return stream;
      try {
        stream.state.fromBytes(from);
        return stream;
      } catch (error) {
        stream.dispose();
        throw error;
      }
    } catch (error) {
      return error as Error;
    }
  }

  #stream(n: number): ServedStream {
    const { stream } = this.#streams.get(n) as HeldStream;
    if (stream instanceof Error) throw stream;
    return stream;
  }

  /** Pushes to many streams, those that stand in the list once in one pass. */
  push({ id, streams, inputs, kept }: PushMessage): Reply {
    const { width, givesClasses, givesOutputs } = this.#served;
    const n = streams.length;
    const errors: { row: number; error: WireError }[] = [];
    const into: PushTarget = {
      numbers: new Float64Array(n * width),
      classes: givesClasses ? new Int32Array(n) : undefined,
      outputs: givesOutputs ? Array.from({ length: n }, () => ({})) : undefined,
      fail: (row, error) => errors.push({ row, error: toWire(error) }),
    };
    const states = new KeptStates(kept);
    for (const rows of this.#rounds(streams, into)) {
      const members = rows.map((row) => this.#stream(streams[row] as number));
      try {
        this.#served.push(members, inputs, Int32Array.from(rows), into);
      } catch (error) {
        for (const row of rows) into.fail(row, error);
      }
      if (kept.length > 0) states.keep(rows, members);
    }
    const { numbers, classes, outputs } = into;
    return { kind: "pushed", id, numbers, classes, outputs, errors, states: states.all };
  }

  /** The places of a list in as many passes as a stream stands in it; streams that could not be made are errors. */
  #rounds(streams: Int32Array, into: PushTarget): number[][] {
    const push = ++this.#pushes;
    const rounds: number[][] = [];
    for (let row = 0; row < streams.length; row++) {
      const held = this.#streams.get(streams[row] as number) as HeldStream;
      if (held.stream instanceof Error) {
        into.fail(row, held.stream);
        continue;
      }
      held.times = held.push === push ? held.times + 1 : 0;
      held.push = push;
      const round = rounds[held.times];
      if (round === undefined) rounds.push([row]);
      else round.push(row);
    }
    return rounds;
  }
}

/** The states that a push was asked for. */
class KeptStates {
  readonly #kept: Int32Array;
  #size = 0;
  all: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(kept: Int32Array) {
    this.#kept = kept;
  }

  /** Takes those of the streams that have just been pushed. Both lists ascend. */
  keep(rows: readonly number[], members: readonly ServedStream[]): void {
    let k = 0;
    rows.forEach((row, i) => {
      while (k < this.#kept.length && (this.#kept[k] as number) < row) k++;
      if (this.#kept[k] !== row) return;
      const bytes = (members[i] as ServedStream).state.toBytes();
      if (this.#size === 0) {
        this.#size = bytes.length;
        this.all = new Uint8Array(this.#kept.length * bytes.length);
      }
      this.all.set(bytes, k * this.#size);
    });
  }
}
