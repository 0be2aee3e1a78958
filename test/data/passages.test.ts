import { describe, expect, it } from "vitest";
import { textPassages } from "../../src/data/passages.js";
import { drawnAt } from "../../src/data/random.js";
import { ShapeError } from "../../src/index.js";
import { expectError } from "../support/errors.js";

/** 0 is a line's end; line k holds k + 1 times its own token. */
const ids = Array.from({ length: 30 }, (_, k) => [0, ...Array(k + 1).fill(k + 1)]).flat();
const options = { start: 0, passages: 3, steps: 4, batches: 2, seed: 5 };

describe("textPassages", () => {
  const source = textPassages(ids, options);

  it("each passage begins at a start token, goes on over its batches, and its targets are one later", () => {
    for (const [index, epoch] of [
      [0, 0],
      [6, 0],
      [4, 3],
    ] as const) {
      const [first, second] = [source.batch(index, epoch), source.batch(index + 1, epoch)];
      expect([first.carry, second.carry]).toEqual([false, true]);
      expect(first.inputs).toHaveLength(3);
      first.inputs.forEach((input, b) => {
        const own = [...(input as Int32Array), ...(second.inputs[b] as Int32Array)];
        const at = ids.findIndex((_, i) => own.every((id, t) => ids[i + t] === id));
        expect(own[0]).toBe(0);
        expect(at).toBeGreaterThanOrEqual(0);
        const targets = [first, second].flatMap(({ targets }) => [
          ...((targets as Int32Array[])[b] as Int32Array),
        ]);
        expect(targets.slice(0, -1)).toEqual(own.slice(1));
        expect(targets.at(-1)).toBe(ids[at + 8]);
      });
    }
  });

  it("a batch is a function of its place: the same again, others elsewhere and for another seed", () => {
    const text = (index: number, epoch: number, seed = 5) =>
      JSON.stringify(textPassages(ids, { ...options, seed }).batch(index, epoch));
    expect(text(4, 2)).toBe(JSON.stringify(source.batch(4, 2)));
    expect(new Set([text(0, 0), text(2, 0), text(0, 1), text(0, 0, 6)]).size).toBe(4);
  });

  it("an epoch reads about as many tokens as the text has, in whole passages", () => {
    expect(source.length % 2).toBe(0);
    expect(Math.abs(source.length * 3 * 4 - ids.length)).toBeLessThanOrEqual(12);
  });

  it("refuses a text without room for a passage, and options, by name", () => {
    expectError(
      () => textPassages([0, 1, 2, 3, 4, 5, 6, 7], options),
      ShapeError,
      "textPassages: ids: expected token 0 with 8 tokens after it, got none",
    );
    expect(textPassages([0, 1, 2, 3, 4, 5, 6, 7, 8], options).length).toBe(2);
    expectError(() => textPassages("text" as never, options), TypeError, "textPassages: ids: …");
    expectError(
      () => textPassages(ids, { ...options, passages: 0 }),
      RangeError,
      "textPassages: passages: …",
    );
    expectError(
      () => textPassages(ids, { ...options, step: 3 } as never),
      TypeError,
      "textPassages: …did you mean steps?",
    );
  });
});

describe("drawnAt", () => {
  it("draws every number of a range about equally often: 60,000 draws of 6, each within 3 %", () => {
    const counts = new Array<number>(6).fill(0);
    for (let place = 0; place < 60_000; place++) {
      const drawn = drawnAt(2 ** 40 + 3, place, 6);
      counts[drawn] = (counts[drawn] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(300);
  });

  it("has the same numbers on every host", () => {
    expect([0, 1, 2, 2 ** 33].map((place) => drawnAt(1, place, 1_000_000))).toMatchInlineSnapshot(`
      [
        726584,
        832430,
        752085,
        631289,
      ]
    `);
  });
});
