import type { PoolCore } from "./pool_core.js";
import { PushCall, type PushCallSetup, type PushedStates, pushed } from "./push_call.js";
import { checkPushAllOptions, type PoolPushAllOptions } from "./push_options.js";
import { type RemoteStream, recordsOf } from "./remote_stream.js";

/** What `pushAll` of a pool was given, and what it makes of it. */
export interface PushAllPlan {
  readonly streams: readonly RemoteStream[];
  /** The class of the pool's streams. */
  readonly kind: abstract new (
    ...values: never[]
  ) => RemoteStream;
  readonly options: PoolPushAllOptions;
  /** The name of the inputs in errors. */
  readonly operand: string;
  /** Reads as many inputs as there are streams. @throws for what cannot be pushed: no stream moves then */
  readonly inputs: (count: number) => ArrayLike<unknown>;
  /** Makes room for as many results as there are streams, and tells how to take each. */
  readonly results: (count: number) => PushCallSetup["read"];
}

/** Pushes an input to each of many streams. */
export async function pushToAll(
  core: PoolCore,
  { streams, kind, options, operand, inputs, results }: PushAllPlan,
): Promise<PushedStates> {
  const where = "pushAll";
  checkPushAllOptions(where, options);
  const { signal, states: wantsStates = false, onError } = options;
  const records = recordsOf(where, streams, kind, core);
  const count = records.length;
  const given = inputs(count);
  const read = results(count);
  const call = new PushCall(core, { where, count, signal, wantsStates, read });
  call.send(records, given);
  return pushed(call, { onError, operand });
}
