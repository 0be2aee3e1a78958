import type { Score } from "recurra";
import { describe, expect, it } from "vitest";
import type { Call } from "../../src/pool/call.js";
import type { Given } from "../../src/pool/call_setup.js";
import type { Room } from "../../src/pool/crew.js";
import { CallQueue } from "../../src/pool/queue.js";
import { scoreInOrder } from "../../src/pool/score_many.js";

/** A call of so many portions, which writes its name when one is given out. */
function callOf(name: string, portions: number, given: string[], isSuspect = false): Call<Score> {
  let left = portions;
  const call = {
    waitsForIdle: isSuspect,
    next: ({ isIdle }: Room) => {
      if (left === 0 || (isSuspect && !isIdle)) return undefined;
      left--;
      given.push(name);
      return () => undefined;
    },
  };
  return call as unknown as Call<Score>;
}

/** The names of the calls whose portions are given out. */
function order(queue: CallQueue, given: string[], isIdle = true): string {
  while (queue.next({ isIdle, takesLong: true }) !== undefined);
  return given.join("");
}

describe("the queue", () => {
  it("gives calls a portion in turn", () => {
    const [queue, given] = [new CallQueue(), [] as string[]];
    for (const [name, portions] of [
      ["a", 4],
      ["b", 1],
      ["c", 2],
    ] as const) {
      const call = callOf(name, portions, given);
      queue.add(call, call);
    }
    expect(order(queue, given)).toBe("abcacaa");
  });

  it("gives the groups of one scoreMany one turn, the earlier group first", () => {
    const [queue, given, many] = [new CallQueue(), [] as string[], {}];
    const first = callOf("1", 2, given);
    queue.add(first, many);
    queue.add(callOf("2", 2, given), many);
    queue.add(callOf("a", 3, given), {});
    expect(order(queue, given)).toBe("1a1a2a2");
    queue.remove(first);
    queue.add(callOf("3", 1, given), many);
    expect(order(queue, given)).toBe("1a1a2a23");
  });

  it("gives busy workers nothing while a suspect waits for an idle one", () => {
    const [queue, given] = [new CallQueue(), [] as string[]];
    const [plain, suspect] = [callOf("p", 1, given), callOf("s", 1, given, true)];
    queue.add(plain, plain);
    queue.add(suspect, suspect);
    expect(order(queue, given, false)).toBe("");
    expect(order(queue, given)).toBe("ps");
  });
});

describe("scoreMany reads whole groups", () => {
  it.each([
    [1, 256, 64],
    [2, 512, 128],
    [4, 100, 25],
    [2, 1, 1],
  ])("%i workers, concurrency %i: %i sequences", async (workers, concurrency, size) => {
    const groups: number[] = [];
    const score = async (given: readonly Given[]): Promise<Score[]> => {
      groups.push(given.length);
      await new Promise((resolve) => setImmediate(resolve));
      return given.map(() => ({}) as Score);
    };
    const scores = scoreInOrder({
      open: () => Array(500).fill("a")[Symbol.iterator](),
      concurrency,
      workers,
      signal: undefined,
      onError: "throw",
      read: (sequence) => sequence as string,
      score,
    });
    let count = 0;
    for await (const _ of scores) count++;
    expect(count).toBe(500);
    expect(new Set(groups.slice(0, -1))).toEqual(new Set([size]));
  });
});
