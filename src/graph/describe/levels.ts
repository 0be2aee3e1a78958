import type { DenseDescription, InputDescription } from "../../description/description.js";
import type { OnnxNode } from "../../formats/onnx/file.js";
import type { NodeLayer } from "../../formats/onnx/layer.js";
import type { NodeProto } from "../../formats/onnx/proto.js";
import type { Operation, OperationKind } from "../operation.js";
import type { Value } from "../value.js";
import type { Dimension, Layout } from "./layout.js";

/** What a tensor of the network is: the graph's input, or what a layer makes of the level below. */
export interface Level {
  readonly below: Level | undefined;
  readonly part:
    | { readonly kind: "given"; readonly whole: boolean }
    | { readonly kind: "input"; readonly description: InputDescription }
    | { readonly kind: "recurrent"; readonly node: OnnxNode; readonly layer: NodeLayer }
    | { readonly kind: "dense"; readonly description: DenseDescription };
  /** Steps, where it has an output for each; the last alone otherwise. */
  readonly time: Dimension | undefined;
  readonly batch: Dimension | undefined;
  /** The vector of one row, the outermost first. */
  readonly features: readonly Dimension[];
  /** The level of a recurrent layer's last states. */
  readonly state?: Level;
}

/** A value of the graph as far as the pattern goes. */
export type Place =
  /** A tensor of a level; `by` laid it out. */
  | {
      readonly kind: "shown";
      readonly level: Level;
      readonly layout: Layout;
      readonly by: NodeProto | undefined;
    }
  /** Tensors of several levels along an axis, such as the last states of all layers. */
  | {
      readonly kind: "parts";
      readonly parts: readonly Shown[];
      readonly extents: readonly number[];
      readonly axis: number;
      readonly by: NodeProto;
    }
  /** A part of the graph's input that is not a sequence, such as an initial state. */
  | { readonly kind: "outside" }
  /** What no language model or tagger has. */
  | { readonly kind: "refused"; readonly by: NodeProto; readonly why: string };

export type Shown = Place & { readonly kind: "shown" };

export const OUTSIDE: Place = { kind: "outside" };

/** An operation that is matched next. */
export interface Match<K extends OperationKind = OperationKind> {
  readonly op: Operation<K>;
  readonly node: NodeProto;
  /** Of its inputs; undefined for known numbers. */
  readonly places: readonly (Place | undefined)[];
  /** The place of what no language model or tagger has. */
  readonly refuse: (why: string) => Place;
  /** The initializer that known numbers come from, or "". */
  readonly nameOf: (value: Value) => string;
  /** What `make` makes of an object and `form`, once. */
  readonly once: <T>(key: object, form: string, make: () => T) => T;
  /** Counts bytes before they are made. */
  readonly count: (bytes: number) => void;
}

/** The dimensions of all that a level is. */
export const dimensionsOf = ({ time, batch, features }: Level): Dimension[] => [
  ...(time === undefined ? [] : [time]),
  ...(batch === undefined ? [] : [batch]),
  ...features,
];

/** The name of the module that a node came from: PyTorch's "/encoder/rnn/LSTM_1" is encoder.rnn. */
export function moduleOf(name: string): string | undefined {
  const path = name.split("/").slice(1, -1);
  // Within nn.Sequential a part repeats its parent's name: "/head/head.0/Gemm".
  const parts = path.filter((part, i) => !path[i + 1]?.startsWith(`${part}.`));
  return name.startsWith("/") && parts.length > 0 ? parts.join(".") : undefined;
}

/** The name of a weight's module. */
export const moduleOfWeight = (name: string): string | undefined =>
  /^(.+)\.(weight|bias)$/.exec(name)?.[1];
