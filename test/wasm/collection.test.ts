import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createEngineSync, type Engine } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { network, passes } from "../support/operands.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const net = network({ nx: 3, na: 5, ny: 2, m: 4, T: 3 });
const copyOf = () => ({ ...net, rnn: { ...net.rnn }, lstm: { ...net.lstm } });

function firstFree(engine: Engine): number {
  const block = coreOf(engine).arena.allocate(1);
  block.release();
  return block.pointer;
}

const nextTask = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Collects garbage until `done`. What a WeakRef gave lives until its task ends, and finalizers run in one of their own. */
async function collectUntil(done: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 50 && !done(); turn++) {
    await nextTask();
    collect();
    await nextTask();
  }
  return done();
}

describe("the garbage collector gives back what was forgotten", () => {
  it("recordings and packed parameters: 0 bytes stay allocated", async () => {
    const engine = createEngineSync();
    const start = firstFree(engine);
    passes(engine, copyOf());
    expect(firstFree(engine)).toBeGreaterThan(start);
    expect(await collectUntil(() => firstFree(engine) === start)).toBe(true);
  });

  it("also after another engine was told that the same parameters changed", async () => {
    const [engine, other] = [createEngineSync(), createEngineSync()];
    const start = firstFree(engine);
    (() => {
      const copy = copyOf();
      passes(engine, copy);
      passes(other, copy);
      for (const parameters of [copy.rnn, copy.lstm]) other.parametersChanged(parameters);
    })();
    expect(await collectUntil(() => firstFree(engine) === start)).toBe(true);
  });

  it("an engine, though the parameters that it packed live on", async () => {
    const reference = (() => {
      const engine = createEngineSync();
      passes(engine, net);
      return new WeakRef(engine);
    })();
    expect(await collectUntil(() => reference.deref() === undefined)).toBe(true);
    expect(net.rnn.Wax.data).toHaveLength(15);
  });

  it("and a recording that lives keeps what it needs", async () => {
    const engine = createEngineSync();
    const { rnnPass } = passes(engine, copyOf());
    const { parameters } = rnnPass.caches.at(0);
    await collectUntil(() => false);
    passes(engine, copyOf());
    expect(rnnPass.caches.at(0).parameters).toEqual(parameters);
    expect(parameters).toEqual(net.rnn);
  });
});
