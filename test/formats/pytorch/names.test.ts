import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findPlainModules, sortByName } from "../../../src/formats/pytorch/names.js";

const sorted = (...names: string[]): string[] =>
  sortByName(names.map((name) => ({ name }))).map(({ name }) => name);

describe("names of modules in order", () => {
  it("numbers by their value, marks before digits before letters, lower case first", () => {
    expect(sorted("l10", "l2", "l1")).toEqual(["l1", "l2", "l10"]);
    expect(sorted("a.b", "a-b", "a_b", "ab", "a1")).toEqual(["a_b", "a-b", "a.b", "a1", "ab"]);
    expect(sorted("B", "a", "A", "b")).toEqual(["a", "A", "b", "B"]);
    expect(sorted("rnn.1.0", "rnn.0.10", "rnn.0.9")).toEqual(["rnn.0.9", "rnn.0.10", "rnn.1.0"]);
    expect(sorted("l02", "l2", "l1", "l002")).toEqual(["l1", "l02", "l2", "l002"]);
  });

  it("the same as Intl.Collator's numeric order", () => {
    const { compare } = new Intl.Collator("en", { numeric: true });
    const part = fc.oneof(
      fc.constantFrom("lstm", "LSTM", "rnn", "encoder", "fc", "a", "B", "_", "-", "."),
      fc.nat({ max: 12_345 }).map(String),
      fc.constantFrom("0", "00", "02", "002"),
    );
    const name = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 12 }), (names) => {
        expect(sorted(...names)).toEqual([...names].sort(compare));
      }),
      { seed: 41, numRuns: 1000 },
    );
  });

  it("modules are listed so", () => {
    const tensor = { dtype: "F32" as const, shape: [1], data: new Float32Array(1) };
    const tensors = new Map(
      ["h.10.weight", "h.9.bias", "h.9.weight"].map((name) => [name, tensor]),
    );
    expect([...findPlainModules(tensors).keys()]).toEqual(["h.9", "h.10"]);
  });
});
