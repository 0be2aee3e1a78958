import { ModelFormatError } from "../description/format_error.js";
import { ShapeError, StateError } from "../errors.js";
import { describe, formatShape, isTypedArray } from "../tensor.js";
import { encodeUtf8 } from "../utf8.js";
import { type Block, Shared } from "../wasm/arena.js";
import { type GraphKernels, graphKernels } from "../wasm/graph_kernels.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { bytesOf, type Declared, type Given, type GraphInput, type GraphOutput } from "./input.js";
import type { Program } from "./program.js";
import type { Runner } from "./runner.js";
import { sameShape } from "./value.js";

/** Every state starts on a cache line. */
const LINE = 64;

/** One input that an output feeds. */
interface StatePart {
  readonly input: Declared;
  /** Its place among the graph's inputs. */
  readonly index: number;
  readonly output: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Bytes from the start of the state. */
  readonly offset: number;
}

/** What a stream is made of. */
export class StreamContent extends Shared {
  readonly runner: Runner;
  readonly parts: readonly StatePart[];
  readonly states: ReadonlySet<string>;
  readonly stateOutputs: ReadonlySet<string>;
  /** Which output feeds which input, as one text. */
  readonly mapping: string;
  readonly nn: GraphKernels;
  /** One for each input of the graph, used again in every push. */
  readonly given: (Given | undefined)[];
  /** What tells with which streams it can run together, and the shapes for which that was made (src/graph/batch.ts). */
  keyed: { shapes: readonly (readonly number[] | undefined)[]; key: string } | undefined;
  readonly #block: Block;
  readonly #bytes: number;
  /** The program whose states were last found to come out as they go in. */
  #checked: Program | undefined;

  constructor(runner: Runner, states: Readonly<Record<string, string>>) {
    super();
    const { compiler } = runner;
    this.runner = runner;
    let offset = 0;
    this.parts = Object.entries(states).map(([name, output]) => {
      const index = compiler.inputs.findIndex((each) => each.name === name);
      const input = compiler.inputs[index];
      if (input === undefined || compiler.isFixed(name)) {
        const names = compiler.inputs.map((each) => each.name).join(", ");
        throw new TypeError(`stream: states: expected names of inputs (${names}), got ${name}`);
      }
      if (compiler.outputs.every((each) => each.name !== output)) {
        const names = compiler.outputs.map((each) => each.name).join(", ");
        throw new TypeError(`stream: ${name}: expected one of the outputs ${names}, got ${output}`);
      }
      const shape =
        runner.shapes.get(name) ??
        input.shape?.map((extent) => (typeof extent === "number" ? extent : 1));
      if (shape === undefined) {
        throw new ShapeError(`stream: ${name}: expected a shape at opening, as the file has none`);
      }
      const bytes = bytesOf(input, shape);
      const part = { input, index, output, shape, bytes, offset };
      offset += Math.ceil(bytes / LINE) * LINE;
      return part;
    });
    this.states = new Set(Object.keys(states));
    this.stateOutputs = new Set(Object.values(states));
    this.mapping = Object.entries(states).join(" ");
    this.nn = graphKernels(compiler.engine);
    this.given = compiler.inputs.map(() => undefined);
    for (const { index, shape } of this.parts) this.given[index] = { shape, data: [] };
    this.#bytes = Math.max(offset, LINE);
    this.#block = compiler.engine.arena.allocate(this.#bytes);
    runner.retain();
    this.reset();
  }

  /** Where the state stands. */
  get pointer(): number {
    return this.#block.pointer;
  }

  get bytes(): number {
    return this.#bytes;
  }

  reset(): void {
    this.nn.fill_map(4, this.#bytes / 4, 0, this.#block.pointer);
  }

  push(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Record<string, GraphOutput> = {},
  ): Record<string, GraphOutput> {
    const where = "push";
    this.runner.take(where, inputs, this.given, this.states);
    return this.run(where, into);
  }

  /** The program for what was taken. @throws if that cannot be computed: nothing is changed then */
  prepare(where: string): Program {
    const program = this.runner.program(where, this.given);
    if (program !== this.#checked) {
      checkStates(where, program, this.parts);
      this.#checked = program;
    }
    return program;
  }

  /** Computes the outputs from what was taken and the state, which goes on. */
  run(where: string, into: Record<string, GraphOutput>): Record<string, GraphOutput> {
    const { runner, parts, nn, given, states } = this;
    const program = this.prepare(where);
    runner.write(program, given, states);
    const { pointer } = this.#block;
    for (const { input, bytes, offset } of parts) {
      const to = program.inputPointer(input.name);
      if (to !== undefined) nn.copy_bytes(bytes, pointer + offset, to);
    }
    program.run();
    for (const { output, bytes, offset } of parts) {
      const from = program.outputPointer(output);
      if (from !== undefined) nn.copy_bytes(bytes, from, pointer + offset);
    }
    return runner.read(program, into, this.stateOutputs);
  }

  protected free(): void {
    this.#block.release();
    this.runner.release();
  }
}

/** Throws unless each state comes out in the shape in which it goes in. */
export function checkStates(
  where: string,
  { outputs }: Program,
  parts: readonly StatePart[],
): void {
  for (const { input, output, shape } of parts) {
    const port = outputs.find((each) => each.name === output);
    if (port === undefined || sameShape(port.value.shape, shape)) continue;
    const got = formatShape(port.value.shape);
    throw new ShapeError(
      `${where}: ${output}: expected ${formatShape(shape)}, which ${input.name} has, got ${got}`,
    );
  }
}

// What a stream's state is as bytes, little-endian:
//
//   "RCGS" · u16 version · u16 bytes of one number · u32 bytes of the numbers · u32 hash of the states' names and shapes ·
//   the numbers, state by state · u32 hash of all before
const MAGIC = "RCGS";
const VERSION = 1;
const HEADER = 16;
const HASH = 4;

/** FNV-1a, 32 bits: against mistakes, not against malice. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The state of a stream: what is left of all that it was pushed. */
export class GraphState {
  readonly #content: () => StreamContent;

  /** @internal */
  constructor(content: () => StreamContent) {
    this.#content = content;
  }

  /** A copy that can be stored, and read again by `fromBytes` of a stream of the same graph. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const content = this.#content();
    const { parts, runner } = content;
    const size = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const all = new Uint8Array(HEADER + size + HASH);
    const view = header(all, content, size);
    let at = HEADER;
    for (const { bytes, offset } of parts) {
      const words = runner.compiler.engine.arena.i32(content.pointer + offset, bytes / 4);
      all.set(new Uint8Array(words.slice().buffer), at);
      at += bytes;
    }
    view.setUint32(at, hashOf(all.subarray(0, at)), true);
    return all;
  }

  /**
   * Puts the stream where another one was.
   *
   * @throws {ModelFormatError} for bytes that are no state: nothing is changed then
   * @throws {StateError} for a state of other names, shapes or precision
   */
  fromBytes(bytes: Uint8Array): void {
    const where = "fromBytes";
    if (!isTypedArray(bytes, "Uint8Array")) {
      throw new TypeError(`${where}: bytes: expected Uint8Array, got ${describe(bytes)}`);
    }
    const content = this.#content();
    const { parts, runner } = content;
    const size = parts.reduce((sum, part) => sum + part.bytes, 0);
    const all = Uint8Array.from(bytes);
    const expected = new Uint8Array(HEADER);
    header(expected, content, size);
    const isState = [...MAGIC].every((letter, i) => all[i] === letter.charCodeAt(0));
    if (all.length < HEADER + HASH || !isState) {
      throw new ModelFormatError("state", `${where}: these bytes are no state of a graph's stream`);
    }
    const view = new DataView(all.buffer);
    const end = all.length - HASH;
    if (view.getUint32(end, true) !== hashOf(all.subarray(0, end))) {
      throw new ModelFormatError("state", `${where}: the state is damaged: its check sum differs`);
    }
    if (view.getUint16(4, true) !== VERSION) {
      const message = `${where}: expected version ${VERSION}, got ${view.getUint16(4, true)}`;
      throw new ModelFormatError("state-version", message, undefined, 4);
    }
    if (end !== HEADER + size || expected.some((byte, i) => all[i] !== byte)) {
      throw new StateError(
        `${where}: the state of a stream with other states or of another precision`,
      );
    }
    let at = HEADER;
    for (const part of parts) {
      const words = new Int32Array(all.slice(at, at + part.bytes).buffer);
      runner.compiler.engine.arena.i32(content.pointer + part.offset, words.length).set(words);
      at += part.bytes;
    }
  }
}

function header(
  all: Uint8Array<ArrayBuffer>,
  { parts, runner }: StreamContent,
  size: number,
): DataView {
  const view = new DataView(all.buffer);
  for (let i = 0; i < 4; i++) all[i] = MAGIC.charCodeAt(i);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, runner.compiler.precision === "f64" ? 8 : 4, true);
  view.setUint32(8, size, true);
  const names = parts.map(({ input, output, shape }) => `${input.name}=${output}:${shape}`);
  view.setUint32(12, hashOf(encodeUtf8(names.join(";"))), true);
  return view;
}

/** A live stream through a graph, its state in linear memory until `dispose`. Made by `graph.stream()`. */
export class GraphStream extends Handle {
  /** Takes over the caller's ownership. @internal */
  constructor(content: StreamContent) {
    super("stream", content);
  }

  /**
   * Computes the outputs from these inputs and the state, which goes on.
   *
   * @param inputs all but the states
   * @param into outputs of an earlier push, to be filled again
   * @returns all outputs but those that feed a state
   */
  push(
    inputs: Readonly<Record<string, GraphInput>>,
    into?: Record<string, GraphOutput>,
  ): Record<string, GraphOutput> {
    return contentOf<StreamContent>("push", this).push(inputs, into);
  }

  /** Back to the beginning: all states are zeros. */
  reset(): void {
    contentOf<StreamContent>("reset", this).reset();
  }

  /** Another stream that was pushed the same. */
  fork(): GraphStream {
    const content = contentOf<StreamContent>("fork", this);
    const { runner, parts } = content;
    const states = Object.fromEntries(parts.map(({ input, output }) => [input.name, output]));
    const copy = new StreamContent(runner, states);
    copy.nn.copy_bytes(content.bytes, content.pointer, copy.pointer);
    return new GraphStream(copy);
  }

  /** The state, to be stored and taken back. */
  get state(): GraphState {
    contentOf<StreamContent>("state", this);
    return new GraphState(() => contentOf<StreamContent>("state", this));
  }
}
