import type { NodeProto } from "../../formats/onnx/proto.js";
import type { Floats } from "../../wasm/abi.js";
import type { Builder } from "../builder.js";
import type { Operation, OperationKind } from "../operation.js";
import type { Value } from "../value.js";
import { addBias, applyFunction, multiply, softmax } from "./dense.js";
import { cast, concat, expand, gather, isTokens, permute, reshape, slice } from "./glue.js";
import { type Dimension, layoutOf } from "./layout.js";
import type { Match, Place } from "./levels.js";
import { recur } from "./recurrent.js";

type Rules = { readonly [K in OperationKind]?: (match: Match<K>) => Place | readonly Place[] };

const RULES: Rules = {
  reshape,
  permute,
  slice,
  concat,
  expand,
  gather,
  convert: cast,
  matmul: multiply,
  binary: addBias,
  unary: applyFunction,
  softmax,
  recurrent: recur,
};

/** A OneHot node, which becomes no operation. */
interface OneHot {
  readonly node: NodeProto;
  readonly tokens: Value;
  readonly size: number;
}

/** What is the same in every trial of a graph. */
export class Kept {
  /** The initializers that numbers come from. */
  readonly names = new Map<Floats, string>();
  /** What was made once of an object, by form. */
  readonly made = new Map<object, Map<string, unknown>>();
}

/** Matches the operations of a folded graph, one by one, with the levels of a network. */
export class Pattern {
  readonly #places = new Map<Value, Place>();
  readonly #oneHots = new Map<Value, OneHot>();
  readonly #nodes = new Map<Operation, NodeProto>();
  readonly #kept: Kept;

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  /** Says where numbers come from: the first of those that they are made of. */
  name(numbers: Floats, name: string): void {
    const { names } = this.#kept;
    if (name !== "" && !names.has(numbers)) names.set(numbers, name);
  }

  nameOf({ data }: Value): string {
    return (data && this.#kept.names.get(data)) ?? "";
  }

  /** Says which node made these operations. */
  belong(operations: readonly Operation[], node: NodeProto): void {
    for (const op of operations) this.#nodes.set(op, node);
  }

  /** An input of the graph. */
  give(value: Value, dimensions: readonly Dimension[]): void {
    const part = { kind: "given", whole: value.kind === "int" } as const;
    const level = {
      below: undefined,
      part,
      time: undefined,
      batch: undefined,
      features: dimensions,
    };
    this.#places.set(value, {
      kind: "shown",
      level,
      layout: layoutOf(dimensions),
      by: undefined,
    });
  }

  oneHot(value: Value, made: OneHot): void {
    this.#oneHots.set(value, made);
  }

  /** The place of a value; undefined for known numbers. */
  place(value: Value): Place | undefined {
    const known = this.#places.get(value);
    const made = this.#oneHots.get(value);
    if (known !== undefined || made === undefined) return known;
    const place = this.#vectors(made);
    this.#places.set(value, place);
    return place;
  }

  /** Matches the operations in order. */
  match(builder: Builder): void {
    for (const op of builder.operations) {
      const node = this.#nodes.get(op) as NodeProto;
      builder.where = op.where;
      const places = op.inputs.map((value) => this.place(value));
      const refuse = (why: string): Place => ({ kind: "refused", by: node, why });
      const match: Match = {
        op,
        node,
        places,
        refuse,
        nameOf: (value) => this.nameOf(value),
        once: (key, form, make) => this.#once(key, form, make),
        count: (bytes) => builder.count(bytes),
      };
      const made = places.find((each) => each?.kind === "refused") ?? apply(match);
      op.outputs.forEach((value, i) => {
        const place = Array.isArray(made) ? made[i] : made;
        this.#places.set(value, place as Place);
      });
    }
  }

  #once<T>(key: object, form: string, make: () => T): T {
    const { made } = this.#kept;
    const forms = made.get(key) ?? new Map<string, unknown>();
    made.set(key, forms);
    if (!forms.has(form)) forms.set(form, make());
    return forms.get(form) as T;
  }

  #vectors({ node, tokens, size }: OneHot): Place {
    const place = this.place(tokens);
    if (place?.kind === "refused") return place;
    if (!isTokens(place)) return { kind: "refused", by: node, why: "expected the graph's tokens" };
    const made = { extent: size };
    const level = {
      below: place.level,
      part: { kind: "input", description: { kind: "one-hot", size } },
      time: undefined,
      batch: undefined,
      features: [made],
    } as const;
    const { axes, starts } = place.layout;
    const layout = { axes: [...axes, ...layoutOf([made]).axes], starts };
    return { kind: "shown", level, layout, by: node };
  }
}

function apply(match: Match): Place | readonly Place[] {
  const { kind } = match.op;
  const rule = RULES[kind] as ((match: Match) => Place | readonly Place[]) | undefined;
  return rule === undefined ? match.refuse("it is not supported") : rule(match);
}
