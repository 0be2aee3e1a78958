import { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
import type { Floats } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import type { Constants } from "./constants.js";
import { fuse } from "./fuse.js";
import { lower } from "./lower/lower.js";
import { Lowering, type Run } from "./lower/lowering.js";
import { addressOf, type View } from "./lower/view.js";
import type { Operation } from "./operation.js";
import { countUses } from "./producers.js";
import { itemOf, type Value } from "./value.js";

/** Where an input or output of a program stands. */
export interface Port {
  readonly name: string;
  readonly value: Value;
  readonly pointer: number;
  readonly bytes: number;
}

/** A graph compiled for one set of shapes: its buffers, and the calls that fill them. */
export class Program extends Shared {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #engine: EngineCore;
  readonly #block: Block;
  readonly #runs: readonly Run[];
  readonly #views = new Map<Port, Floats>();
  readonly #pointers: Readonly<Record<"inputs" | "outputs", ReadonlyMap<string, number>>>;
  #growth = -1;

  constructor(
    engine: EngineCore,
    block: Block,
    runs: readonly Run[],
    inputs: readonly Port[],
    outputs: readonly Port[],
  ) {
    super();
    this.#engine = engine;
    this.#block = block;
    this.#runs = runs;
    this.inputs = inputs;
    this.outputs = outputs;
    const pointers = (ports: readonly Port[]) =>
      new Map(ports.map(({ name, pointer }) => [name, pointer]));
    this.#pointers = { inputs: pointers(inputs), outputs: pointers(outputs) };
  }

  /** Where an input or output stands; nothing for one that does not count. */
  inputPointer(name: string): number | undefined {
    return this.#pointers.inputs.get(name);
  }

  outputPointer(name: string): number | undefined {
    return this.#pointers.outputs.get(name);
  }

  /** The numbers of a port. Valid until the next allocation. */
  view(port: Port): Floats {
    const { arena } = this.#engine;
    if (this.#growth !== arena.growth) {
      this.#views.clear();
      this.#growth = arena.growth;
    }
    let view = this.#views.get(port);
    if (view === undefined) {
      const { precision, size } = port.value;
      view = arena.view(precision, port.pointer, size);
      this.#views.set(port, view);
    }
    return view;
  }

  /** Computes the outputs from what the inputs hold, which may be overwritten. */
  run(): void {
    const runs = this.#runs;
    for (let i = 0; i < runs.length; i++) (runs[i] as Run)();
  }

  protected free(): void {
    this.#block.release();
  }
}

/** What a program is made from. */
export interface Plan {
  readonly where: string;
  readonly operations: readonly Operation[];
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  readonly maximumBytes: number;
}

/** Lowers operations, gives their buffers places and binds the calls. */
export function makeProgram(engine: EngineCore, constants: Constants, plan: Plan): Program {
  const { where, inputs, outputs, maximumBytes } = plan;
  const wanted = [...outputs.values()];
  const operations = fuse(plan.operations, wanted, constants);
  const lowering = new Lowering(engine, constants, countUses(operations, wanted));
  const given = [...inputs].map(([name, value]) => {
    const view = lowering.allocate(value);
    lowering.set(value, view);
    return { name, value, view };
  });
  // What comes in stands before the first step, each in a place of its own.
  const ports = given.map(({ view }) => view);
  lowering.step(where, ports, () => () => {});
  for (const op of operations) lower(lowering, op);
  const results = [...outputs].map(([name, value]) => ({
    name,
    value,
    view: ownView(lowering, value),
  }));
  lowering.step(
    where,
    results.map(({ view }) => view),
    () => () => {},
  );
  const bytes = lowering.plan();
  if (bytes + constants.bytes > maximumBytes) {
    const got = `${bytes + constants.bytes}`;
    const code: ModelFormatCode = "too-large";
    const what = `expected weights and buffers of ≤ ${maximumBytes} bytes (maximumBytes), got ${got}`;
    throw new ModelFormatError(code, `${where}: ${what}`);
  }
  const block = engine.arena.allocate(bytes);
  try {
    const { pointer } = block;
    engine.arena.i32(pointer, block.bytes / 4).fill(0);
    const port = ({ name, value, view }: { name: string; value: Value; view: View }): Port => ({
      name,
      value,
      pointer: addressOf(view, pointer),
      bytes: value.size * itemOf(value.precision),
    });
    const runs = lowering.bind(pointer).slice(1, -1);
    return new Program(engine, block, runs, given.map(port), results.map(port));
  } catch (error) {
    block.release();
    throw error;
  }
}

/** An output in C order. One that is known or an input is copied, so that each stands on its own. */
const ownView = (lowering: Lowering, value: Value): View => {
  const view = lowering.dense(value);
  return view.storage.fixed ? lowering.copied(value, view) : view;
};
