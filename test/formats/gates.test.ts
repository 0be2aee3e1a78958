import { describe, expect, it } from "vitest";
import { GATES, reorderColumns, reorderRows } from "../../src/formats/gates.js";

describe("gate orders, by the name of each block", () => {
  it.each([
    ["onnx", "lstm", "iofg", "ifgo"],
    ["onnx", "gru", "zrn", "rzn"],
    ["onnx", "peepholes", "iof", "ifo"],
    ["onnx", "rnn", "i", "i"],
    ["keras", "lstm", "ifgo", "ifgo"],
    ["keras", "gru", "zrn", "rzn"],
    ["keras", "rnn", "i", "i"],
    ["tensorflow1", "lstm", "igfo", "ifgo"],
  ])("%s %s: %s → %s", (system, cell, from, to) => {
    const gates = (GATES as Record<string, Record<string, readonly number[]>>)[system]?.[cell];
    expect(gates?.map((i) => from[i]).join("")).toBe(to);
  });

  it("rows: blocks move whole, the source stays", () => {
    const source = Float32Array.of(0, 1, 10, 11, 20, 21);
    expect(reorderRows(source, [1, 0, 2])).toEqual(Float32Array.of(10, 11, 0, 1, 20, 21));
    expect(source[0]).toBe(0);
  });

  it("columns: transposed, then the same", () => {
    // (n = 3, gates 2 × na 2): row i holds i·10 + column.
    const source = Float64Array.of(0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23);
    const wanted = Float64Array.of(2, 12, 22, 3, 13, 23, 0, 10, 20, 1, 11, 21);
    expect(reorderColumns(source, 3, [1, 0])).toEqual(wanted);
    expect(reorderColumns(new Float32Array(0), 0, [0])).toEqual(new Float32Array(0));
  });
});
