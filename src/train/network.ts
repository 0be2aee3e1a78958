import { gradientPartsOf } from "../layers/gradients.js";
import { shapeOf } from "../layers/shape.js";
import { Batch } from "../sequence/batch.js";
import { Layout } from "../sequence/layout.js";
import { outputOf, readsFromEnd, type StackShape } from "../sequence/shape.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import type { Architecture } from "./architecture.js";
import { joined, type Layer, type LayerPass, type PassContext } from "./layer.js";
import {
  Chain,
  Dropout,
  Embedding,
  LayerNorm,
  Pooling,
  Residual,
  TrainedLinear,
} from "./layers.js";
import { type ParameterSpec, Parameters } from "./parameters.js";
import { RecurrentLayer, recurrentSpecs } from "./recurrent_layer.js";

/** The parameters of a network, in the order of its layers. */
function specsOf(architecture: Architecture, shapes: readonly StackShape[]): ParameterSpec[] {
  const { input, recurrent, layerNorm, output } = architecture;
  const specs: ParameterSpec[] = [];
  if (input.kind === "embedding") {
    specs.push({ name: `${input.name}.weight`, shape: [input.tokens, input.size] });
  }
  let i = 0;
  recurrent.forEach((part, s) => {
    const shape = shapes[s] as StackShape;
    const D = shape.cells.length;
    const parts = gradientPartsOf(shape);
    for (let l = 0; l < shape.layers; l++, i++) {
      specs.push(...recurrentSpecs(parts.slice(l * D, (l + 1) * D), part));
      if (!layerNorm) continue;
      const n = outputOf(shape);
      specs.push({ name: `norm.${i}.weight`, shape: [n] }, { name: `norm.${i}.bias`, shape: [n] });
    }
  });
  const n = outputOf(shapes.at(-1) as StackShape);
  if (!output.tied) specs.push({ name: `${output.name}.weight`, shape: [output.size, n] });
  if (output.hasBias) specs.push({ name: `${output.name}.bias`, shape: [output.size] });
  return specs;
}

/** The layers up to the highest recurrent one. `made` receives those that own memory. */
function bodyOf(
  parameters: Parameters,
  { input, recurrent, layerNorm, residual }: Architecture,
  shapes: readonly StackShape[],
  made: Layer[],
): Chain {
  const { engine } = parameters;
  const body: Layer[] = [];
  if (input.kind === "embedding") {
    body.push(new Embedding(parameters, parameters.get(`${input.name}.weight`)));
  }
  let n = input.size;
  let index = 0;
  const count = shapes.reduce((sum, { layers }) => sum + layers, 0);
  recurrent.forEach((part, s) => {
    const shape = shapes[s] as StackShape;
    for (let l = 0; l < shape.layers; l++, index++) {
      const layer = new RecurrentLayer(parameters, shape, l, { ...part, index });
      made.push(layer);
      const inner: Layer[] = [layer];
      if (layerNorm) {
        const gain = parameters.get(`norm.${index}.weight`);
        inner.push(new LayerNorm(parameters, gain, parameters.get(`norm.${index}.bias`)));
      }
      if (part.dropout > 0 && index + 1 < count) {
        inner.push(new Dropout(engine, layer.outputs, part.dropout));
      }
      const chain = new Chain(inner, n);
      body.push(residual && n === layer.outputs ? new Residual(engine, chain) : chain);
      n = layer.outputs;
    }
  });
  return new Chain(body, n);
}

/** Dropout and the linear layer over `inputs` numbers of each output row. */
function headOf(
  parameters: Parameters,
  { input, output }: Architecture,
  inputs: number,
  made: Layer[],
): Chain {
  const head: Layer[] = [];
  if (output.dropout > 0) head.push(new Dropout(parameters.engine, inputs, output.dropout));
  const weight = output.tied && input.kind === "embedding" ? input.name : output.name;
  const bias = output.hasBias ? parameters.get(`${output.name}.bias`) : undefined;
  const linear = new TrainedLinear(parameters, parameters.get(`${weight}.weight`), bias);
  made.push(linear);
  head.push(linear);
  return new Chain(head, inputs);
}

/** Places of the sequences and rows of one pass: pointers, and the buffers of every layer. */
export interface NetworkPlan {
  readonly batch: Batch;
  /** Input features, (N, nx), if the input is no table's row. */
  readonly x: number;
  readonly tokens: number;
  /** The rows that have an output: N, or m. */
  readonly outputRows: number;
  /** Per output row: i32 or f64 targets, f64 scales and losses. */
  readonly targets: number;
  readonly scales: number;
  readonly loss: number;
  readonly context: PassContext;
  readonly body: LayerPass;
  readonly head: LayerPass;
  readonly scratch: number;
}

/** How a pass runs. */
export type PassOptions = Pick<PassContext, "carry" | "states" | "dropout">;

/** A network that is trained, in linear memory: its parameters, its layers, and the buffers of the last pass. */
export class TrainedNetwork extends Shared {
  readonly engine: EngineCore;
  readonly architecture: Architecture;
  readonly parameters: Parameters;
  /** Each stack, for what describes it. */
  readonly shapes: readonly StackShape[];
  readonly #body: Chain;
  readonly #head: Chain;
  #isStale = true;
  #block: Block | undefined;

  constructor(engine: EngineCore, architecture: Architecture) {
    super();
    this.engine = engine;
    this.architecture = architecture;
    this.shapes = architecture.recurrent.map(({ options }) => shapeOf(engine, options));
    const specs = specsOf(architecture, this.shapes);
    const parameters = new Parameters(engine, specs);
    this.parameters = parameters;
    const made: Layer[] = [];
    try {
      this.#body = bodyOf(parameters, architecture, this.shapes, made);
      this.#head = headOf(parameters, architecture, this.#body.outputs, made);
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
   */
  plan(lengths: readonly number[], options: PassOptions, targetItems: number): NetworkPlan {
    const batch = Batch.ragged(lengths);
    const { m, rows: N } = batch;
    options.states?.reserve(m);
    const bytes = this.#layOut(batch, options, targetItems, 0).bytes;
    if (this.#block === undefined || this.#block.bytes < bytes) {
      this.#block?.release();
      this.#block = undefined;
      this.#block = this.engine.arena.allocate(bytes);
    }
    const { plan } = this.#layOut(batch, options, targetItems, this.#block.pointer);
    const { arena } = this.engine;
    const { context } = plan;
    arena.i32(context.mirror, N).set(batch.mirror());
    if (batch.ragged) arena.i32(context.previous, N).set(batch.previous());
    if (batch.order !== undefined) {
      arena.i32(context.order, m).set(batch.order);
      const places = arena.i32(context.places, m);
      batch.order.forEach((b, place) => {
        places[b] = place;
      });
    }
    return plan;
  }

  #layOut(
    batch: Batch,
    options: PassOptions,
    targetItems: number,
    origin: number,
  ): { plan: NetworkPlan; bytes: number } {
    const { input, output } = this.architecture;
    const { m, rows: N } = batch;
    const layout = new Layout(undefined, origin);
    const i32 = (n: number) => layout.take(n, Int32Array.BYTES_PER_ELEMENT);
    const tokens = i32(N);
    const mirror = i32(N);
    const previous = i32(N);
    const [order, places] = [i32(m), i32(m)];
    const x = layout.take(input.kind === "embedding" ? 0 : N * input.size);
    const outputRows = output.of === "step" ? N : m;
    const targets = layout.take(outputRows * targetItems);
    const scales = layout.take(outputRows);
    const loss = layout.take(outputRows);
    const layers = [this.#body.plan(layout, { m, rows: N })];
    if (output.of !== "step") layers.push(this.#pooling(output.of).plan(layout, { m, rows: N }));
    const body = joined(layers);
    const head = this.#head.plan(layout, { m, rows: outputRows });
    const isSorted = batch.order !== undefined;
    const context: PassContext = {
      batch,
      tokens,
      order: isSorted ? order : 0,
      places: isSorted ? places : 0,
      mirror,
      previous,
      ...options,
    };
    const scratch = origin + layout.bytes;
    const bytes = layout.bytes + Math.max(body.scratchBytes, head.scratchBytes);
    const plan = {
      batch,
      x,
      tokens,
      outputRows,
      targets,
      scales,
      loss,
      context,
      body,
      head,
      scratch,
    };
    return { plan, bytes };
  }

  #pooling(of: "last" | "mean"): Layer {
    const shape = this.shapes.at(-1) as StackShape;
    const blocks = shape.cells.map((_, d) => readsFromEnd(shape, d));
    return new Pooling(this.engine, outputOf(shape), of, blocks);
  }

  protected free(): void {
    this.#body.release();
    this.#head.release();
    this.#block?.release();
    this.parameters.release();
  }
}
