import type { AttributeProto, NodeProto } from "../formats/onnx/proto.js";
import type { TensorProto } from "../formats/onnx/tensor.js";
import type { Builder } from "./builder.js";
import { MAX_RANK, type Value } from "./value.js";

const TYPES = { f: 1, i: 2, s: 3, t: 4, g: 5, floats: 6, ints: 7, strings: 8 } as const;

/** A node with the values of its inputs: checked access to both. */
export class Node {
  readonly proto: NodeProto;
  readonly opset: number;
  readonly builder: Builder;
  readonly #inputs: readonly (Value | undefined)[];
  readonly #read: (proto: TensorProto) => Value;
  /** Attributes that were looked at. */
  readonly #seen = new Set<string>();

  constructor(
    builder: Builder,
    proto: NodeProto,
    opset: number,
    inputs: readonly (Value | undefined)[],
    read: (proto: TensorProto) => Value,
  ) {
    this.builder = builder;
    this.proto = proto;
    this.opset = opset;
    this.#inputs = inputs;
    this.#read = read;
  }

  /** How many inputs are named, those left out counted too. */
  get inputCount(): number {
    return this.#inputs.length;
  }

  get outputCount(): number {
    return this.proto.outputs.length;
  }

  /** The value of input i, which the node must have. */
  input(i: number): Value {
    const value = this.#inputs[i];
    if (value !== undefined) return value;
    return this.builder.fail("graph", `expected an input ${i}, got none`);
  }

  optional(i: number): Value | undefined {
    return this.#inputs[i];
  }

  /** All inputs, of which there must be one at least. */
  inputs(): [Value, ...Value[]] {
    return [this.input(0), ...this.#inputs.slice(1).map((_, i) => this.input(i + 1))];
  }

  has(name: string): boolean {
    this.#seen.add(name);
    return this.proto.attributes.has(name);
  }

  int(name: string, otherwise?: number): number {
    const value = this.#attribute(name, "i")?.i ?? otherwise;
    if (value !== undefined && Number.isInteger(value)) return value;
    return this.#wrong(name, "an integer", value);
  }

  flag(name: string, otherwise = false): boolean {
    return this.int(name, Number(otherwise)) !== 0;
  }

  float(name: string, otherwise?: number): number {
    const value = this.#attribute(name, "f")?.f ?? otherwise;
    return value ?? this.#wrong(name, "a number", value);
  }

  text(name: string, otherwise: string): string {
    return this.#attribute(name, "s")?.s ?? otherwise;
  }

  /** At most 2 · 8 integers: whatever holds one or two numbers for each axis. */
  ints(name: string): readonly number[] | undefined {
    const list = this.#attribute(name, "ints")?.ints;
    if (list === undefined || list.length <= 2 * MAX_RANK) return list;
    return this.#wrong(name, `≤ ${2 * MAX_RANK} integers`, list.length);
  }

  tensor(name: string): Value | undefined {
    const proto = this.#attribute(name, "t")?.t;
    return proto && this.#read(proto);
  }

  /** The name of an attribute that nobody looked at. */
  get unseen(): string | undefined {
    return [...this.proto.attributes.keys()].find((name) => !this.#seen.has(name));
  }

  attribute(name: string): AttributeProto | undefined {
    this.#seen.add(name);
    return this.proto.attributes.get(name);
  }

  /** The numbers of input i as integers, at most `most` of them: shapes, axes, sizes. */
  list(i: number, most = 2 * MAX_RANK): number[] {
    const { builder } = this;
    const value = this.input(i);
    if (value.size > most) {
      builder.fail("rank-too-high", `input ${i}: expected ≤ ${most} numbers, got ${value.size}`);
    }
    return Array.from(builder.numbers(value), (number) => {
      if (!Number.isInteger(number)) {
        builder.fail("integer", `input ${i}: expected integers, got ${number}`);
      }
      return number;
    });
  }

  /** An axis in 0 … rank − 1; a negative one counts from the end. */
  axis(axis: number, rank: number): number {
    const place = axis < 0 ? axis + rank : axis;
    if (place >= 0 && place < rank) return place;
    return this.builder.fail("attribute", `axis: expected ${-rank} … ${rank - 1}, got ${axis}`);
  }

  /** Different axes. */
  axes(list: readonly number[], rank: number): number[] {
    const places = list.map((axis) => this.axis(axis, rank));
    if (new Set(places).size === places.length) return places;
    return this.builder.fail("attribute", `axes: expected different ones, got ${list}`);
  }

  #attribute(name: string, type: keyof typeof TYPES): AttributeProto | undefined {
    const attribute = this.attribute(name);
    if (attribute !== undefined && attribute.type !== TYPES[type]) {
      const got = `type ${attribute.type}`;
      this.builder.fail("attribute", `${name}: expected type ${TYPES[type]}, got ${got}`);
    }
    return attribute;
  }

  #wrong(name: string, expected: string, got: unknown): never {
    return this.builder.fail("attribute", `${name}: expected ${expected}, got ${String(got)}`);
  }
}

/** What a node gives: a value for each of its outputs, in order. */
export type Operator = (node: Node, builder: Builder) => Value | readonly (Value | undefined)[];
