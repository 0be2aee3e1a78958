import { activationName } from "../cells/activations.js";
import { ALL_KERNELS } from "../cells/kernels.js";
import { gradientPartsOf } from "../layers/gradients.js";
import { shapeOf } from "../layers/shape.js";
import { Batch } from "../sequence/batch.js";
import { outputOf, readsFromEnd, type StackShape } from "../sequence/shape.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { type Architecture, outputOfPart, type RecurrentPart } from "./architecture.js";
import { ActivationLayer } from "./layers/activation.js";
import { Chain, Residual } from "./layers/chain.js";
import { Dropout, VariationalDropout } from "./layers/dropout.js";
import type { Layer } from "./layers/layer.js";
import { LayerNorm } from "./layers/layer_norm.js";
import { TrainedLinear } from "./layers/linear.js";
import { Merge } from "./layers/merge.js";
import { Pooling } from "./layers/pooling.js";
import { RecurrentLayer, recurrentSpecs } from "./layers/recurrent.js";
import { Embedding, OneHot } from "./layers/token_rows.js";
import type { TokenInput } from "./layers/token_table.js";
import { type ParameterSpec, Parameters } from "./parameters.js";
import {
  fittingPlan,
  layOut,
  type NetworkPlan,
  type PassOptions,
  type PlanNeeds,
  writeOrder,
} from "./plan.js";
import { trainedType } from "./trained_type.js";

/** The parameters of a network, in the order of its layers. */
function specsOf(architecture: Architecture, shapes: readonly StackShape[]): ParameterSpec[] {
  const { input, recurrent, hidden, output } = architecture;
  const specs: ParameterSpec[] = [];
  if (input.kind === "embedding") {
    specs.push({ name: `${input.name}.weight`, shape: [input.tokens, input.size] });
  }
  recurrent.forEach((part, s) => {
    const shape = shapes[s] as StackShape;
    const D = shape.cells.length;
    const parts = gradientPartsOf(shape);
    for (let l = 0; l < shape.layers; l++) {
      specs.push(...recurrentSpecs(parts.slice(l * D, (l + 1) * D), part));
      const { name } = part.norms[l] ?? {};
      if (name === undefined) continue;
      const n = outputOf(shape);
      specs.push({ name: `${name}.weight`, shape: [n] }, { name: `${name}.bias`, shape: [n] });
    }
  });
  let n = outputOfPart(recurrent.at(-1) as RecurrentPart);
  for (const { name, size, hasBias } of hidden) {
    specs.push({ name: `${name}.weight`, shape: [size, n] });
    if (hasBias) specs.push({ name: `${name}.bias`, shape: [size] });
    n = size;
  }
  if (!output.tied) specs.push({ name: `${output.name}.weight`, shape: [output.size, n] });
  if (output.hasBias) specs.push({ name: `${output.name}.bias`, shape: [output.size] });
  return specs;
}

/** Dropout of the kind that the architecture has. */
const dropoutOf = (
  { dtype }: Parameters,
  { variational }: Architecture,
  outputs: number,
  p: number,
): Layer =>
  variational ? new VariationalDropout(dtype, outputs, p) : new Dropout(dtype, outputs, p);

/** The layer below the recurrent ones, and the tokens that the lowest of them reads instead of its output. */
function inputLayers(
  parameters: Parameters,
  architecture: Architecture,
  hasResidual: boolean,
): { layers: Layer[]; tokens: TokenInput | undefined } {
  const { input } = architecture;
  const { size, dropout } = input;
  const embedding = input.kind === "embedding" ? parameters.get(`${input.name}.weight`) : undefined;
  const layers: Layer[] = [];
  // A residual and dropout need rows of their own.
  const needsRows = hasResidual || dropout > 0;
  if (input.kind !== "features") {
    const count = input.kind === "embedding" ? input.tokens : size;
    if (!needsRows) return { layers, tokens: { count, embedding } };
    const { dtype } = parameters;
    layers.push(embedding ? new Embedding(parameters, embedding) : new OneHot(dtype, count));
  }
  if (dropout > 0) layers.push(dropoutOf(parameters, architecture, size, dropout));
  return { layers, tokens: undefined };
}

/** The layers up to the highest recurrent one. `made` receives those that own memory. */
function bodyOf(
  parameters: Parameters,
  architecture: Architecture,
  shapes: readonly StackShape[],
  made: Layer[],
): Chain {
  const { input, recurrent, output } = architecture;
  const { dtype } = parameters;
  const lowest = shapes[0] as StackShape;
  const isAdded = recurrent[0]?.residual === true && input.size === outputOf(lowest);
  const bottom = inputLayers(parameters, architecture, isAdded);
  const body = bottom.layers;
  let n = input.size;
  let index = 0;
  const count = shapes.reduce((sum, { layers }) => sum + layers, 0);
  recurrent.forEach((part, s) => {
    const shape = shapes[s] as StackShape;
    for (let l = 0; l < shape.layers; l++, index++) {
      const tokens = index === 0 ? bottom.tokens : undefined;
      const needsInput = index > 0 || input.kind === "embedding";
      const layer = new RecurrentLayer(parameters, shape, l, {
        ...part,
        index,
        tokens,
        needsInput,
      });
      made.push(layer);
      const inner: Layer[] = [layer];
      const norm = part.norms[l];
      if (norm !== undefined) inner.push(new LayerNorm(parameters, norm));
      if (part.dropout > 0 && index + 1 < count) {
        inner.push(dropoutOf(parameters, architecture, layer.outputs, part.dropout));
      }
      const chain = new Chain(inner, n);
      body.push(part.residual && n === layer.outputs ? new Residual(dtype, chain) : chain);
      n = layer.outputs;
    }
    // The ends of both directions are pooled before they are merged.
    const isPooledFirst = output.of === "last" && s + 1 === recurrent.length;
    if (part.merge === "concat" || isPooledFirst) return;
    n = outputOfPart(part);
    body.push(new Merge(dtype, n, part.merge));
  });
  return new Chain(body, n);
}

/** Dropout and the linear layers over `inputs` numbers of each output row. */
function headOf(
  parameters: Parameters,
  architecture: Architecture,
  inputs: number,
  made: Layer[],
): Chain {
  const { dtype } = parameters;
  const { input, recurrent, hidden, output } = architecture;
  const head: Layer[] = [];
  const top = recurrent.at(-1) as RecurrentPart;
  if (top.merge !== "concat" && output.of === "last") {
    head.push(new Merge(dtype, outputOfPart(top), top.merge));
  }
  for (const { name, size, hasBias, activation } of hidden) {
    const bias = hasBias ? parameters.get(`${name}.bias`) : undefined;
    const weight = parameters.get(`${name}.weight`);
    const linear = new TrainedLinear(parameters, weight, { bias, isShared: false });
    made.push(linear);
    head.push(linear);
    if (activationName(activation) === "identity") continue;
    const layer = new ActivationLayer(dtype, size, activation);
    made.push(layer);
    head.push(layer);
  }
  // An output of each sequence has no steps that could share a mask.
  if (output.dropout > 0) {
    const isVariational = architecture.variational && output.of === "step";
    const kind = { ...architecture, variational: isVariational };
    head.push(dropoutOf(parameters, kind, inputs, output.dropout));
  }
  const isShared = output.tied && input.kind === "embedding";
  const weight = parameters.get(`${isShared ? input.name : output.name}.weight`);
  const bias = output.hasBias ? parameters.get(`${output.name}.bias`) : undefined;
  const linear = new TrainedLinear(parameters, weight, { bias, isShared });
  made.push(linear);
  head.push(linear);
  return new Chain(head, inputs);
}

/** For each direction of the highest layer whether it reads from the end. */
const blocksOf = (shape: StackShape): boolean[] =>
  shape.cells.map((_, d) => readsFromEnd(shape, d));

/** A network that is trained, in linear memory: its parameters, its layers, and the buffers of the last pass. */
export class TrainedNetwork extends Shared {
  readonly engine: EngineCore;
  readonly architecture: Architecture;
  readonly parameters: Parameters;
  /** Each stack, for what describes it. */
  readonly shapes: readonly StackShape[];
  readonly #body: Chain;
  readonly #head: Chain;
  readonly #pooling: Pooling | undefined;
  #isStale = true;
  #block: Block | undefined;

  constructor(engine: EngineCore, architecture: Architecture) {
    super();
    this.engine = engine;
    this.architecture = architecture;
    const dtype = trainedType(engine, architecture.precision);
    this.shapes = architecture.recurrent.map(({ options }) => ({
      ...shapeOf(engine, options, ALL_KERNELS),
      dtype,
    }));
    const specs = specsOf(architecture, this.shapes);
    const parameters = new Parameters(dtype, specs);
    this.parameters = parameters;
    const made: Layer[] = [];
    try {
      this.#body = bodyOf(parameters, architecture, this.shapes, made);
      this.#head = headOf(parameters, architecture, this.#body.outputs, made);
      const { of } = architecture.output;
      this.#pooling =
        of === "step"
          ? undefined
          : new Pooling(dtype, this.#body.outputs, of, blocksOf(this.shapes.at(-1) as StackShape));
    } catch (error) {
      for (const layer of made) layer.release?.();
      parameters.release();
      throw error;
    }
  }

  /** How often weights came from elsewhere than an update. */
  loads = 0;

  /** Says that weights came from elsewhere than an update. */
  loaded(): void {
    this.loads++;
    this.changed();
  }

  /** Says that parameters were changed: the next pass packs them. */
  changed(): void {
    this.#isStale = true;
  }

  /** Packs the parameters if they were changed. */
  pack(): void {
    if (!this.#isStale) return;
    this.#body.pack();
    this.#head.pack();
    this.#isStale = false;
  }

  /**
   * Lays out a pass over sequences of these lengths and writes what their order implies. The buffers are valid until the
   * next plan; they are allocated anew only if a pass needs more than all before.
   *
   * @throws {RangeError} if the buffers exceed `memory` bytes, even if steps are computed again
   */
  plan(lengths: readonly number[], options: PassOptions, needs: PlanNeeds): NetworkPlan {
    const batch = Batch.ragged(lengths);
    options.states?.reserve(batch.m);
    const parts = {
      architecture: this.architecture,
      dtype: this.parameters.dtype,
      shapes: this.shapes,
      body: this.#body,
      head: this.#head,
      pooling: this.#pooling,
    };
    const { bytes, segments } = fittingPlan(parts, batch, options, needs);
    if (this.#block === undefined || this.#block.bytes < bytes) {
      this.#block?.release();
      this.#block = undefined;
      this.#block = this.engine.arena.allocate(bytes);
    }
    const { pointer } = this.#block;
    const plan = layOut(parts, batch, options, { ...needs, segments, origin: pointer });
    writeOrder(this.engine, plan.context);
    return plan;
  }

  protected free(): void {
    this.#body.release();
    this.#head.release();
    this.#block?.release();
    this.parameters.release();
  }
}
