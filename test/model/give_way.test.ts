import { afterEach, describe, expect, it, vi } from "vitest";
import { giveWay } from "../../src/model/give_way.js";

afterEach(() => vi.unstubAllGlobals());

const WAYS = ["setImmediate", "MessageChannel", "setTimeout"] as const;

/** A host that lacks the ways before `first`; counts the uses of that one. */
function host(first: (typeof WAYS)[number]) {
  const { [first]: own } = globalThis;
  const spy = vi.fn(function (this: unknown, ...operands: never[]) {
    return new.target ? Reflect.construct(own, operands) : Reflect.apply(own, undefined, operands);
  });
  for (const way of WAYS.slice(0, WAYS.indexOf(first))) vi.stubGlobal(way, undefined);
  vi.stubGlobal(first, spy);
  return spy;
}

describe("giving way", () => {
  it.each(WAYS)("by %s, where the host lacks the ways before it", async (way) => {
    const { setImmediate: own } = globalThis;
    const spy = host(way);
    let isOver = false;
    // Something else that waits for a turn.
    const other = new Promise<void>((resolve) => own(resolve)).then(() => {
      isOver = true;
    });
    await giveWay();
    expect(spy).toHaveBeenCalledTimes(1);
    if (way === "setImmediate") expect(isOver).toBe(true);
    await other;
  });

  it("by the next way where one throws, as in the edge runtime of Next.js", async () => {
    const channel = host("MessageChannel");
    vi.stubGlobal("setImmediate", () => {
      throw new Error("not supported in the Edge Runtime");
    });
    await giveWay();
    expect(channel).toHaveBeenCalledTimes(1);
  });

  it("by a promise alone where the host has nothing: other promises get a turn", async () => {
    for (const way of WAYS) vi.stubGlobal(way, undefined);
    const order: string[] = [];
    const work = giveWay().then(() => order.push("work"));
    void Promise.resolve().then(() => order.push("other"));
    await work;
    await Promise.resolve();
    expect(order.sort()).toEqual(["other", "work"]);
  });
});
