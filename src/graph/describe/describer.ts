import type { DenseDescription, InputDescription } from "../../description/description.js";
import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import type { OnnxNode } from "../../formats/onnx/file.js";
import type { NodeLayer } from "../../formats/onnx/layer.js";
import type { Floats, Precision } from "../../wasm/abi.js";
import { Builder } from "../builder.js";
import { Memo } from "../memo.js";
import { moved } from "../moves.js";
import type { Operation, OperationKind, Parameters } from "../operation.js";
import type { Value } from "../value.js";
import { covers, type Dimension, type Layout, shows } from "./layout.js";

export const WHERE = "describeOnnx";
export const ADVICE = "openGraph runs whole graphs";

/** What a tensor of the network is: an input of the graph, or what a layer makes of the level below. */
export interface Level {
  readonly below: Level | undefined;
  readonly part:
    | { readonly kind: "given"; readonly whole: boolean }
    | { readonly kind: "input"; readonly description: InputDescription }
    | {
        readonly kind: "recurrent";
        readonly node: OnnxNode;
        readonly layer: NodeLayer;
        /** What one row for the sequence is, where that is not the last state. */
        readonly pool?: "mean" | "max";
      }
    | { readonly kind: "dense"; readonly description: DenseDescription };
  /** Steps and sequences; sequences alone where only the last step has an output; all axes of an input of the graph. */
  readonly rows: readonly Dimension[];
  /** The vector of one row, the outermost first. */
  readonly features: readonly Dimension[];
}

/** A tensor of one level; `where` names the node that laid it out. */
export interface Shown {
  readonly kind: "shown";
  readonly level: Level;
  readonly layout: Layout;
  readonly where: string;
}

/** A value of the graph, as far as it belongs to the network. */
export type Place =
  | Shown
  /** Last states of several layers along an axis. */
  | {
      readonly kind: "states";
      readonly parts: readonly Shown[];
      readonly extents: readonly number[];
      readonly axis: number;
    }
  /** A part of an input that is no sequence, such as an initial state: it belongs to the caller. */
  | { readonly kind: "outside" };

/** The part of a network that an operation is; it throws where that is none. */
export type Rule<K extends OperationKind> = (
  op: Operation<K>,
  describer: Describer,
) => Place | readonly Place[];

export type Rules = { readonly [K in OperationKind]?: Rule<K> };

/** Whether a place shows a whole level, in whatever order of axes. */
export const isWhole = ({ layout, level }: Shown): boolean =>
  covers(layout, [...level.rows, ...level.features]);

/** Whether a place is a whole level, the vectors of its rows along the last axis. */
export const isRows = (place: Place | undefined): place is Shown =>
  place?.kind === "shown" &&
  place.layout.axes.length > 0 &&
  shows(place.layout.axes.at(-1) ?? [], place.level.features) &&
  isWhole(place);

/** What is the same however often a graph is walked. */
export class Walked {
  readonly memo = new Memo();
  /** The initializers that numbers come from. */
  readonly names = new Map<Floats, string>();
  /** Weights (ny, n) of linear layers, by what they are in the graph. */
  readonly weights = new Map<Floats, Floats>();
  /** Which initial states are zeros. */
  readonly zeros = new Map<Floats, boolean>();
  /** What the graph leaves to its caller, a sentence each. */
  readonly assumptions = new Set<string>();
}

/**
 * A builder that folds what is known, and matches every other operation with a part of a network. No engine is needed:
 * weights may only move.
 */
export class Describer extends Builder {
  readonly walked: Walked;
  /** The node at hand. */
  node = "";
  readonly #places = new Map<Value, Place>();
  readonly #rules: Rules;

  constructor(rules: Rules, walked: Walked, precision: Precision, maximumBytes: number) {
    super((op) => this.#moved(op), precision, maximumBytes, walked.memo);
    this.#rules = rules;
    this.walked = walked;
  }

  override fail(code: ModelFormatCode, what: string): never {
    // A fault of a graph is the operator at hand; limits and names stay what they are.
    const kept = code === "graph" || code === "too-large" ? code : "operator";
    const where = this.where.replace(`${WHERE}: `, `${WHERE}: operator `);
    throw new ModelFormatError(kept, `${where}: ${what}`);
  }

  /** Throws: this is no part of a language model or tagger. */
  refuse(what: string): never {
    return this.fail("operator", `${what}; ${ADVICE}`);
  }

  override add<K extends OperationKind>(
    kind: K,
    inputs: readonly Value[],
    outputs: readonly Omit<Value, "data" | "origins" | "size">[],
    parameters: Parameters[K] & { work?: number },
  ): Value[] {
    const made = super.add(kind, inputs, outputs, parameters);
    const op = this.operations.pop() as Operation<K> | undefined;
    if (op === undefined) return made;
    const rule = this.#rules[kind] as Rule<K> | undefined;
    if (rule === undefined) return this.refuse("it is not supported");
    const places = rule(op, this);
    made.forEach((value, i) => {
      this.put(value, (Array.isArray(places) ? places[i] : places) as Place);
    });
    return made;
  }

  put(value: Value, place: Place): void {
    this.#places.set(value, place);
  }

  /** The place of a value; undefined for numbers of the file. */
  place(value: Value | undefined): Place | undefined {
    return value && this.#places.get(value);
  }

  /** The initializer that known numbers come from, or "". */
  nameOf({ data }: Value): string {
    return (data && this.walked.names.get(data)) ?? "";
  }

  #moved(op: Operation): readonly Floats[] {
    const numbers = moved(op);
    if (numbers === undefined) return this.refuse("expected numbers that are not computed");
    const name = op.inputs.map((each) => this.nameOf(each)).find((each) => each !== "");
    if (name !== undefined) this.walked.names.set(numbers, name);
    return [numbers];
  }
}
