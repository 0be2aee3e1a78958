import { Shared } from "../wasm/arena.js";
import type { BatchPlan } from "./batch_plan.js";
import { NeedsValue } from "./builder.js";
import type { Compiler } from "./compiler.js";
import {
  type Declared,
  type Given,
  type GraphInput,
  type GraphOutput,
  readOutput,
  takeInput,
  writeNumbers,
} from "./input.js";
import type { Program } from "./program.js";

/** Runs a graph: from what a caller gives to the program for it, and back. */
export class Runner extends Shared {
  readonly compiler: Compiler;
  /** Shapes that were given at opening. */
  readonly shapes = new Map<string, readonly number[]>();
  /** How streams run together, by their number and shapes; null where they do not. */
  readonly batches = new Map<string, BatchPlan | null>();
  /** One for each input, used again in every run. */
  readonly #given: (Given | undefined)[];

  /** Takes over the caller's ownership. */
  constructor(compiler: Compiler) {
    super();
    this.compiler = compiler;
    this.#given = compiler.inputs.map(() => undefined);
  }

  run(
    where: string,
    inputs: Readonly<Record<string, GraphInput>>,
    into: Record<string, GraphOutput> = {},
  ): Record<string, GraphOutput> {
    const given = this.take(where, inputs, this.#given);
    const program = this.program(where, given);
    this.write(program, given);
    program.run();
    return this.read(program, into);
  }

  /** What is given for each input, checked; `skip` names inputs that come from elsewhere. */
  take(
    where: string,
    inputs: Readonly<Record<string, GraphInput>>,
    target: (Given | undefined)[],
    skip?: ReadonlySet<string>,
  ): (Given | undefined)[] {
    const { compiler } = this;
    if (typeof inputs !== "object" || inputs === null) {
      throw new TypeError(`${where}: inputs: expected an object of the graph's inputs by name`);
    }
    let expected = 0;
    for (const declared of compiler.inputs) {
      const { name } = declared;
      if (skip?.has(name)) continue;
      const value = inputs[name];
      if (value !== undefined) expected++;
      if (compiler.isFixed(name)) {
        if (value !== undefined) compiler.checkFixed(where, declared, value);
      } else if (value === undefined) {
        throw new TypeError(`${where}: ${name}: expected a value, got undefined`);
      } else {
        const { index } = declared;
        const given = target[index] ?? { shape: [], data: [], fixed: this.shapes.get(name) };
        target[index] = takeInput(where, declared, value, given);
      }
    }
    let got = 0;
    for (const name in inputs) if (inputs[name] !== undefined) got++;
    if (got !== expected) this.#foreign(where, inputs, skip);
    return target;
  }

  /** Throws for an input that the graph does not have, or that the states feed. */
  #foreign(where: string, inputs: object, skip: ReadonlySet<string> | undefined): never {
    const names = this.compiler.inputs.map(({ name }) => name).filter((name) => !skip?.has(name));
    const foreign = Object.keys(inputs).find((name) => !names.includes(name));
    throw new TypeError(`${where}: inputs: expected ${names.join(", ")}, got ${foreign}`);
  }

  /** The program for what is given. */
  program(where: string, given: readonly (Given | undefined)[]): Program {
    try {
      return this.compiler.program(where, given);
    } catch (error) {
      if (!(error instanceof NeedsValue)) throw error;
      const names = this.compiler.namesOf(error.origins).join(", ");
      throw new TypeError(
        `${where}: ${names}: expected numbers, on which sizes of the graph depend`,
      );
    }
  }

  /** Writes the inputs to where the program reads them. */
  write(program: Program, given: readonly (Given | undefined)[], skip?: ReadonlySet<string>): void {
    for (const port of program.inputs) {
      if (skip?.has(port.name)) continue;
      const declared = this.compiler.input(port.name) as Declared;
      const { data } = given[declared.index] as Given;
      writeNumbers(declared, data, program.view(port));
    }
  }

  /** The outputs of a program that has run. */
  read(
    program: Program,
    into: Record<string, GraphOutput>,
    skip?: ReadonlySet<string>,
  ): Record<string, GraphOutput> {
    for (const port of program.outputs) {
      const { name, value } = port;
      if (skip?.has(name)) continue;
      into[name] = readOutput(value.kind, value.shape, program.view(port), into[name]);
    }
    return into;
  }

  protected free(): void {
    this.compiler.release();
  }
}
