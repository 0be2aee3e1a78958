import { ShapeError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe, formatShape } from "../tensor.js";
import { run } from "./batching.js";
import { LanguageModel } from "./language_model.js";
import { openLanguage } from "./language_network.js";
import { Tagger, TagWork } from "./tagger.js";
import {
  openTagger,
  readInput,
  type Tagged,
  TaggerContent,
  type TaggerInput,
} from "./tagger_content.js";

type Row = readonly number[];
type Rows = readonly Row[];

/** Inputs of a model, and what its trainer computed from them. docs/formats.md has a snippet that writes one in PyTorch. */
export interface ModelReference {
  /** Sequences: lists of token ids, texts, lists of rows of numbers, or tensors (T, nx). */
  readonly inputs: readonly (TaggerInput | readonly (readonly number[])[])[];
  /**
   * For each sequence its rows, (T, ny), or one row, (ny), if the model has one output a sequence. A language model has the
   * logits or log-probabilities of the next token after each token; probabilities, if a softmax is part of the file.
   */
  readonly outputs: readonly (readonly number[] | readonly (readonly number[])[])[];
}

/** Options of {@link verifyModel}. */
export interface VerifyOptions {
  /** The largest error that passes: |found − expected| / max(1, |expected|). Default 1e-4, for a reference in f32. */
  readonly tolerance?: number | undefined;
}

/** A number of a model's output beside the reference's. */
export interface VerifiedElement {
  /** Counted from 0, as are step and column. */
  readonly sequence: number;
  /** Undefined if the model has one output a sequence. */
  readonly step: number | undefined;
  readonly column: number;
  readonly expected: number;
  readonly found: number;
  /** |found − expected| / max(1, |expected|); ∞ if one of them is NaN or infinite and the other differs. */
  readonly error: number;
}

/** How a model agrees with a reference. */
export interface Verification {
  /** Whether no error is above the tolerance. */
  readonly passed: boolean;
  readonly tolerance: number;
  /** Sequences and numbers that were compared. */
  readonly sequences: number;
  readonly elements: number;
  /** The first of those with the largest error. */
  readonly worst: VerifiedElement;
}

const OPTIONS: OptionNames<VerifyOptions> = { tolerance: true };
const REFERENCE: OptionNames<ModelReference> = { inputs: true, outputs: true };
const WHERE = "verifyModel";

/**
 * Compares what a model computes with what its trainer computed: the proof that what the file does not say was read as it was
 * meant. Of a language model log-probabilities are compared, of a tagger its values.
 *
 * @throws {TypeError | RangeError} for something else than a reference, or inputs that are no sequences of this model
 * @throws {ShapeError} if the outputs have not the model's shape, as when it is pooled and the reference has every step
 */
export async function verifyModel(
  model: LanguageModel | Tagger,
  reference: ModelReference,
  options: VerifyOptions = {},
): Promise<Verification> {
  checkOptions(WHERE, options, OPTIONS);
  const { tolerance = 1e-4 } = options;
  if (!(typeof tolerance === "number" && tolerance >= 0)) {
    throw new TypeError(`${WHERE}: tolerance: expected a number ≥ 0, got ${String(tolerance)}`);
  }
  const { content, expected } = openSubject(model);
  try {
    const { inputs, outputs } = checkReference(reference);
    const given = inputs.map((each, i) => {
      const name = `reference.inputs[${i}]`;
      return readInput(WHERE, content, tensorOf(name, each, content), name);
    });
    const found = await run<Tagged, "throw">(WHERE, new TagWork(WHERE, content, given), {});
    const comparison = new Comparison();
    found.forEach(({ values: { shape, data } }, b) => {
      const rows = readRows(`reference.outputs[${b}]`, outputs[b], content, shape);
      rows.forEach((row, t) => {
        const step = content.output === "steps" ? t : undefined;
        const own = data.subarray(t * row.length, (t + 1) * row.length);
        comparison.add({ sequence: b, step }, expected(row), own);
      });
    });
    const { worst, elements } = comparison;
    if (worst === undefined) {
      throw new ShapeError(`${WHERE}: reference.outputs: expected at least one number, got none`);
    }
    const passed = worst.error <= tolerance;
    return { passed, tolerance, sequences: found.length, elements, worst };
  } finally {
    content.release();
  }
}

/** What runs a model, and what it is expected to give where the reference has a row. The caller releases the content. */
interface Subject {
  readonly content: TaggerContent;
  readonly expected: (row: Row) => Row;
}

function openSubject(model: LanguageModel | Tagger): Subject {
  if (model instanceof Tagger) {
    const content = openTagger(WHERE, model);
    content.retain();
    return { content, expected: (row) => row };
  }
  if (!(model instanceof LanguageModel)) {
    const expected = "expected what loadTagger or loadLanguageModel gives";
    throw new TypeError(`${WHERE}: model: ${expected}, got ${describe(model)}`);
  }
  const { network, tokenizer } = openLanguage(WHERE, model);
  network.retain();
  const content = new TaggerContent(network, tokenizer, {
    output: "steps",
    activation: "logSoftmax",
    ...{ classes: undefined, hint: "", assumptions: [] },
  });
  const isSoftmax = network.dense.activation === "softmax";
  return { content, expected: isSoftmax ? (row) => row.map(Math.log) : logSoftmax };
}

/** log(softmax(row)); log-probabilities stay what they are. */
function logSoftmax(row: Row): Row {
  const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = row.reduce((all, x) => all + Math.exp(x - largest), 0);
  return row.map((x) => x - largest - Math.log(sum));
}

function checkReference(reference: ModelReference): ModelReference {
  checkOptions(WHERE, reference, REFERENCE, "reference");
  for (const name of ["inputs", "outputs"] as const) {
    if (Array.isArray(reference[name])) continue;
    const got = describe(reference[name]);
    throw new TypeError(`${WHERE}: reference.${name}: expected a list of sequences, got ${got}`);
  }
  const { inputs, outputs } = reference;
  if (inputs.length === 0) {
    throw new ShapeError(`${WHERE}: reference.inputs: expected at least one sequence, got none`);
  }
  if (inputs.length !== outputs.length) {
    const expected = `expected m = ${inputs.length}, as reference.inputs has`;
    throw new ShapeError(`${WHERE}: reference.outputs: ${expected}, got ${outputs.length}`);
  }
  return reference;
}

/** Rows of numbers as a tensor; another kind of input as it is. */
function tensorOf(
  name: string,
  input: ModelReference["inputs"][number],
  { network, tokenizer }: TaggerContent,
): TaggerInput {
  if (tokenizer !== undefined || !Array.isArray(input)) return input as TaggerInput;
  const nx = network.inputSize;
  const data = new Float64Array(input.length * nx);
  (input as Rows).forEach((row, t) => {
    checkRow(`${name}[${t}]`, row, "nx", nx);
    data.set(row, t * nx);
  });
  return { shape: [input.length, nx], data };
}

function checkRow(name: string, row: unknown, letter: string, n: number): asserts row is Row {
  if (!Array.isArray(row)) {
    const expected = `expected a row of ${letter} = ${n} numbers`;
    throw new TypeError(`${WHERE}: ${name}: ${expected}, got ${describe(row)}`);
  }
  if (row.length !== n) {
    throw new ShapeError(`${WHERE}: ${name}: expected ${letter} = ${n}, got ${row.length}`);
  }
  const i = row.findIndex((value) => typeof value !== "number");
  if (i < 0) return;
  throw new TypeError(`${WHERE}: ${name}[${i}]: expected a number, got ${describe(row[i])}`);
}

/** The rows that the reference has for a sequence. `shape` is that of the model's values. */
function readRows(
  name: string,
  given: unknown,
  content: TaggerContent,
  shape: readonly number[],
): Rows {
  const [T = 0, ny = 0] = shape;
  const isPooled = content.output !== "steps";
  if (!Array.isArray(given)) {
    throw new TypeError(`${WHERE}: ${name}: expected rows of numbers, got ${describe(given)}`);
  }
  const isRow = given.length > 0 && !Array.isArray(given[0]);
  const rows = isRow && isPooled ? [given] : given;
  if ((isRow && !isPooled) || rows.length !== T) {
    const expected = isPooled ? `(ny) = ${formatShape([ny])}` : `(T, ny) = ${formatShape(shape)}`;
    const inner = isRow ? [] : [(given[0] as Row | undefined)?.length ?? ny];
    const got = `expected ${expected}, got ${formatShape([given.length, ...inner])}`;
    const hint = isPooled
      ? `this model has one output a sequence, "${content.output}": load it with { output: "steps" } if yours has one for every step`
      : 'this model has an output for every step: load it with { output: "last" }, "mean" or "max" if yours has one a sequence';
    throw new ShapeError(`${WHERE}: ${name}: ${got}; ${hint}`);
  }
  rows.forEach((row, t) => {
    checkRow(isRow ? name : `${name}[${t}]`, row, "ny", ny);
  });
  return rows as Rows;
}

/** Finds the worst element. */
class Comparison {
  elements = 0;
  worst: VerifiedElement | undefined;

  add(place: Pick<VerifiedElement, "sequence" | "step">, expected: Row, found: Float64Array): void {
    this.elements += expected.length;
    expected.forEach((wanted, column) => {
      const got = found[column] as number;
      const error = errorOf(got, wanted);
      if (this.worst !== undefined && !(error > this.worst.error)) return;
      this.worst = { ...place, column, expected: wanted, found: got, error };
    });
  }
}

function errorOf(found: number, expected: number): number {
  if (found === expected || (Number.isNaN(found) && Number.isNaN(expected))) return 0;
  const error = Math.abs(found - expected) / Math.max(1, Math.abs(expected));
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
