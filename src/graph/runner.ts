import { Shared } from "../wasm/arena.js";
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
  /** How many streams can run together, and whether that gives the same bits, as far as it was tried. */
  readonly batches = new Map<string, boolean>();
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
    this.write(where, program, given);
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
    for (const name in inputs) {
      if (skip?.has(name) || compiler.inputs.every((each) => each.name !== name)) {
        const names = compiler.inputs.map((each) => each.name).filter((each) => !skip?.has(each));
        throw new TypeError(`${where}: inputs: expected ${names.join(", ")}, got ${name}`);
      }
    }
    for (let i = 0; i < compiler.inputs.length; i++) {
      const declared = compiler.inputs[i] as Declared;
      const { name } = declared;
      if (skip?.has(name)) continue;
      const value = inputs[name];
      if (compiler.isFixed(name)) {
        if (value !== undefined) compiler.checkFixed(where, declared, value);
        continue;
      }
      if (value === undefined)
        throw new TypeError(`${where}: ${name}: expected a value, got undefined`);
      target[i] = takeInput(where, declared, value, this.shapes.get(name));
    }
    return target;
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
  write(where: string, program: Program, given: readonly (Given | undefined)[]): void {
    const { inputs } = this.compiler;
    for (let i = 0, port = 0; i < inputs.length; i++) {
      const declared = inputs[i] as Declared;
      if (program.inputs[port]?.name !== declared.name) continue;
      const at = program.inputs[port++] as Program["inputs"][number];
      const own = given[i];
      if (own !== undefined) writeNumbers(where, declared, own.data, program.view(at));
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
