import { openModel, type ReadOnnxOptions } from "../formats/onnx/file.js";
import type { Floats, Precision } from "../wasm/abi.js";
import { Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { Builder, NeedsValue } from "./builder.js";
import { Constants } from "./constants.js";
import { fold } from "./fold.js";
import {
  type Declared,
  declaredOf,
  type Given,
  type GraphInput,
  numbersOf,
  takeInput,
} from "./input.js";
import { Memo } from "./memo.js";
import { operatorOf } from "./operators/operators.js";
import { makeProgram, type Program } from "./program.js";
import { Source } from "./source.js";
import { precisionOf, tensorsOf } from "./tensors.js";
import { sameShape, sizeOf, type Value } from "./value.js";
import { walk } from "./walk.js";

/** Programs of one graph, for as many sets of shapes. */
const MOST_PROGRAMS = 8;
/** Programs made before all that the graph holds is made anew, so that what old shapes left does not add up. */
const MOST_COMPILED = 64;

/** What the file and the options say. */
export interface CompilerOptions extends ReadOnnxOptions {
  readonly precision?: Precision | undefined;
}

/** What is given for each input, in the graph's order; nothing for a fixed one. */
export type Givens = readonly (Given | undefined)[];

/** A program, and what it was made for. */
interface Made {
  readonly program: Program;
  readonly shapes: readonly (readonly number[] | undefined)[];
  readonly numbers: readonly (Floats | undefined)[];
}

/** Compiles one graph for sets of shapes, and keeps the programs that were used last. */
export class Compiler extends Shared {
  readonly engine: EngineCore;
  readonly precision: Precision;
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
  /** Inputs whose value the file holds, and another one may replace. */
  readonly defaults: readonly Declared[];
  readonly #source: Source;
  readonly #maximumBytes: number;
  readonly #byName: ReadonlyMap<string, Declared>;
  /** Inputs that are part of the graph: numbers given at opening. */
  readonly #constants = new Map<string, { shape: readonly number[]; data: Floats }>();
  /** Integer inputs on whose numbers sizes or conditions depend: a program is for one set of them. */
  readonly #specialised = new Set<string>();
  #memo = new Memo();
  #placed: Constants;
  #programs: Made[] = [];
  #compiled = 0;

  constructor(where: string, engine: EngineCore, bytes: Uint8Array, options: CompilerOptions) {
    super();
    this.engine = engine;
    const maximumBytes = options.maximumBytes ?? 2 ** 27 + 16 * bytes.length;
    const open = openModel(where, bytes, { nonFinite: options.nonFinite, maximumBytes });
    const { model, opset } = open;
    this.precision = options.precision ?? precisionOf(open);
    this.#maximumBytes = maximumBytes;
    const { graph } = model;
    const read = tensorsOf(open, this.precision);
    const listed = "docs/graphs.md";
    this.#source = new Source({ model, opset, graph, listed, operatorOf, read });
    const declared = (list: typeof graph.inputs): Declared[] =>
      list.map((each, i) => {
        const known = declaredOf(each, this.precision, i);
        const what = `expected an input or output of numbers, got type ${each.dtype}`;
        if (known === undefined) return open.fail("dtype", what, each.at, each.name);
        if (known.shape?.some((extent) => typeof extent === "number" && !(extent > 0))) {
          open.fail("shape", `expected extents ≥ 0, got (${each.shape})`, each.at, each.name);
        }
        return known;
      });
    this.inputs = declared(graph.inputs.filter(({ name }) => !graph.initializers.has(name)));
    this.defaults = graph.inputs.flatMap((each, i) =>
      graph.initializers.has(each.name) ? (declaredOf(each, this.precision, i) ?? []) : [],
    );
    this.outputs = declared(graph.outputs);
    for (const list of [this.inputs, this.outputs]) {
      const names = new Set<string>();
      for (const { name } of list) {
        if (names.has(name)) open.fail("duplicate-key", "the name stands twice", graph.at, name);
        names.add(name);
      }
    }
    this.#byName = new Map(this.inputs.map((each) => [each.name, each]));
    this.#placed = new Constants(engine);
  }

  input(name: string): Declared | undefined {
    return this.#byName.get(name);
  }

  /** Makes an input a constant. */
  fix(declared: Declared, given: Given): void {
    const data = numbersOf(declared, given);
    this.#constants.set(declared.name, { shape: given.shape, data });
  }

  /** Throws unless a value given for a fixed input is the fixed one. */
  checkFixed(where: string, declared: Declared, value: GraphInput): void {
    const known = this.#constants.get(declared.name);
    if (known === undefined) return;
    const numbers = numbersOf(
      declared,
      takeInput(where, declared, value, { ...known, fixed: known.shape }),
    );
    if (
      numbers.length === known.data.length &&
      known.data.every((n, i) => Object.is(n, numbers[i]))
    ) {
      return;
    }
    throw new TypeError(
      `${where}: ${declared.name}: expected the value given at opening, got another`,
    );
  }

  isFixed(name: string): boolean {
    return this.#constants.has(name);
  }

  /** Whether a program is for one set of this input's numbers. */
  isSpecialised(name: string): boolean {
    return this.#specialised.has(name);
  }

  /** Whether a program is for one set of any input's numbers. */
  get isAnySpecialised(): boolean {
    return this.#specialised.size > 0;
  }

  /**
   * The program for these shapes, one for each input that is not fixed; the numbers of integer inputs are looked at where
   * sizes depend on them.
   *
   * @throws {NeedsValue} where such an input's numbers are not given
   */
  program(where: string, given: Givens): Program {
    for (;;) {
      const programs = this.#programs;
      for (let i = 0; i < programs.length; i++) {
        const made = programs[i] as Made;
        if (!this.#fits(made, given)) continue;
        if (i > 0) {
          programs.splice(i, 1);
          programs.unshift(made);
        }
        return made.program;
      }
      try {
        return this.#make(where, given);
      } catch (error) {
        if (!(error instanceof NeedsValue) || !this.#specialise(error.origins)) throw error;
        const lacking = this.inputs.some(
          ({ name }, i) => this.#specialised.has(name) && !hasNumbers(given[i]),
        );
        if (lacking) throw error;
      }
    }
  }

  /** The names of inputs by their bits. */
  namesOf(origins: number): string[] {
    return this.inputs.filter((_, i) => (origins & bitOf(i)) !== 0).map(({ name }) => name);
  }

  protected free(): void {
    for (const { program } of this.#programs) program.release();
    this.#placed.release();
  }

  /** Whether any of these inputs was not specialised yet. */
  #specialise(origins: number): boolean {
    const before = this.#specialised.size;
    for (const name of this.namesOf(origins)) this.#specialised.add(name);
    return this.#specialised.size > before;
  }

  #fits({ shapes, numbers }: Made, given: Givens): boolean {
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i];
      if (shape === undefined) continue;
      const own = given[i] as Given;
      if (!sameShape(shape, own.shape)) return false;
      const known = numbers[i];
      if (known === undefined) continue;
      if (!hasNumbers(own)) return false;
      for (let j = 0; j < known.length; j++) if (known[j] !== Number(own.data[j])) return false;
    }
    return true;
  }

  #make(where: string, given: Givens): Program {
    const program = this.#compile(where, given);
    const open = this.inputs.map(({ name }) => !this.#constants.has(name));
    this.#programs.unshift({
      program,
      shapes: given.map((each, i) => (open[i] ? [...(each as Given).shape] : undefined)),
      numbers: this.inputs.map((declared, i) =>
        open[i] && this.#specialised.has(declared.name)
          ? numbersOf(declared, given[i] as Given)
          : undefined,
      ),
    });
    for (const old of this.#programs.splice(MOST_PROGRAMS)) old.program.release();
    return program;
  }

  #compile(where: string, given: Givens): Program {
    if (++this.#compiled % MOST_COMPILED === 0) {
      for (const { program } of this.#programs) program.release();
      this.#programs = [];
      this.#placed.release();
      this.#placed = new Constants(this.engine);
      this.#memo = new Memo();
    }
    const { engine, precision } = this;
    const builder = new Builder(
      (op) => fold(engine, op),
      precision,
      this.#maximumBytes,
      this.#memo,
    );
    builder.where = where;
    const values = new Map<string, Value>();
    const open = new Map<string, Value>();
    this.inputs.forEach((declared, i) => {
      const { name, kind, precision } = declared;
      const constant = this.#constants.get(name);
      if (constant !== undefined) {
        values.set(name, builder.constant(kind, constant.shape, constant.data));
        return;
      }
      const own = given[i] as Given;
      if (this.#specialised.has(name)) {
        values.set(name, builder.constant(kind, own.shape, numbersOf(declared, own)));
        return;
      }
      const value = builder.value(kind, precision, own.shape, kind === "float" ? 0 : bitOf(i));
      values.set(name, value);
      open.set(name, value);
    });
    for (const { name, kind } of this.defaults) {
      const constant = this.#constants.get(name);
      if (constant === undefined) continue;
      values.set(name, builder.constant(kind, constant.shape, constant.data));
    }
    const outputs = walk(this.#source, builder, values);
    return makeProgram(engine, this.#placed, {
      where,
      operations: builder.operations,
      inputs: open,
      outputs,
      maximumBytes: this.#maximumBytes,
    });
  }
}

/** Integer inputs beyond the 30th share a bit. */
const bitOf = (i: number): number => 2 ** Math.min(i, 30);

const hasNumbers = (given: Given | undefined): boolean =>
  given !== undefined && given.data.length === sizeOf(given.shape);
