import { expect, test } from "vitest";
import { checkOptions, nearest, type OptionNames } from "../src/options.js";
import { expectError } from "./support/errors.js";

interface Sizes {
  hiddenSize: number;
  precision?: string;
  layers?: number;
}

const NAMES: OptionNames<Sizes> = { hiddenSize: true, precision: true, layers: true };

const check = (options: object) => () => checkOptions("create", options as Sizes, NAMES);

test.each([
  [{ precison: "f32" }, '"precison": did you mean precision?'],
  [{ Precision: "f32" }, '"Precision": did you mean precision?'],
  [{ hidden_size: 3 }, '"hidden_size": did you mean hiddenSize?'],
  [{ layres: 3 }, '"layres": did you mean layers?'],
  [{ dropout: 0.5 }, '"dropout": expected one of hiddenSize, precision, layers'],
  [JSON.parse('{ "__proto__": 1 }'), '"__proto__": expected one of hiddenSize, precision, layers'],
  [{ toString: 1 }, '"toString": expected one of hiddenSize, precision, layers'],
  [{ ["x".repeat(9e6)]: 1 }, `"${"x".repeat(40)}…": expected one of hiddenSize, precision, layers`],
])("an unknown option is refused: case %#", (options, message) => {
  expectError(check(options), TypeError, `create: options: unknown option ${message}`);
});

test("known options, options left undefined and inherited properties pass", () => {
  check({})();
  check({ hiddenSize: 5, precision: undefined })();
  check(Object.create({ extended: true }))();
});

test("the operand's name stands in the message", () => {
  const inner = () =>
    checkOptions("create", { layer: 1 } as unknown as Sizes, NAMES, "options.cell");
  expect(inner).toThrow(
    new TypeError('create: options.cell: unknown option "layer": did you mean layers?'),
  );
});

test.each([null, undefined, 3, "precision"])("options that are %s are no object", (options) => {
  expect(check(options as never)).toThrow(TypeError);
});

test("nearest: no candidate is far off, and of two the closer wins", () => {
  expect(nearest("tahn", ["relu", "tanh"])).toBe("tanh");
  expect(nearest("softsin", ["softplus", "softsign"])).toBe("softsign");
  expect(nearest("gelu", ["sigmoid"])).toBeUndefined();
  expect(nearest("", ["a"])).toBeUndefined();
  expect(nearest("h", ["x"])).toBeUndefined();
});
