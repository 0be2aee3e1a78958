import type { Cell } from "../../cells/cell.js";
import type { GradientParts } from "../../layers/gradients.js";
import type { Layout } from "../../sequence/layout.js";
import { readsFromEnd, type StackShape } from "../../sequence/shape.js";
import { packTransposed, transposedOf } from "../../sequence/transposed.js";
import { type TrainedPlaces, Weights } from "../../sequence/weights.js";
import type { ParameterSpec, Parameters } from "../parameters.js";
import { type TrainedType, viewOf } from "../trained_type.js";
import type { Layer, LayerPass, PassForm } from "./layer.js";
import { type DirectionPass, planDirection } from "./recurrent_direction.js";
import { Embedding, OneHot } from "./token_rows.js";
import { planTable, type TokenInput, usesTable } from "./token_table.js";

/** Names one parameter of one direction of a layer. */
type PartName = "weight_ih" | "weight_hh" | "bias_ih" | "bias_hh" | "weight_hr" | "peephole";

/** The parameters of the directions of one layer, before they have a place. */
export function recurrentSpecs(
  parts: GradientParts,
  { name, hasBias }: { readonly name: string; readonly hasBias: boolean },
): ParameterSpec[] {
  return parts.flat().flatMap((part): ParameterSpec[] => {
    const spec = { name: `${name}.${part.name}`, shape: part.shape };
    // Biases stay in PyTorch's order: a block of the cell's bias is the sum of two of their blocks.
    if (part.source === "bias") return hasBias ? [spec] : [];
    return [{ ...spec, order: part.order as readonly number[] }];
  });
}

/** How the parameters of a layer are called, which one it is, and what it reads. */
interface Place {
  /** Of its stack. */
  readonly name: string;
  readonly hasBias: boolean;
  /** Its number through all stacks. */
  readonly index: number;
  /** If it reads tokens. */
  readonly tokens: TokenInput | undefined;
  /** Whether anything below needs the gradient of its input. */
  readonly needsInput: boolean;
}

/** One recurrent layer, in one or two directions, whose weights are trained. */
export class RecurrentLayer implements Layer {
  readonly outputs: number;
  readonly #dtype: TrainedType;
  /** Of this layer alone. */
  readonly #shape: StackShape;
  readonly #directions: readonly Weights[];
  /** For each direction the places of its biases and their gradients; undefined without biases. */
  readonly #biases: readonly (readonly [number, number, number, number] | undefined)[];
  /** Its number through all stacks. */
  readonly #index: number;
  readonly #parameters: Parameters;
  readonly #tokens: TokenInput | undefined;
  /** Makes rows of tokens where no table does. */
  readonly #rows: Layer | undefined;
  readonly #needsInput: boolean;

  constructor(
    parameters: Parameters,
    shape: StackShape,
    l: number,
    { name, hasBias, index, tokens, needsInput }: Place,
  ) {
    const { dtype } = parameters;
    const { engine } = dtype;
    this.#parameters = parameters;
    this.#index = index;
    this.#dtype = dtype;
    this.#tokens = tokens;
    this.#needsInput = needsInput;
    if (tokens !== undefined) {
      const { embedding, count } = tokens;
      this.#rows =
        embedding === undefined ? new OneHot(dtype, count) : new Embedding(parameters, embedding);
    }
    const D = shape.cells.length;
    const nx = l === 0 ? shape.nx : D * shape.nh;
    this.#shape = { ...shape, dtype, layers: 1, nx };
    this.outputs = D * shape.nh;
    const weightAt = (part: PartName, d: number) => {
      const full = `${name}.${part}_l${l}${d === 1 ? "_reverse" : ""}`;
      const offset = parameters.find(full)?.offset;
      return offset === undefined
        ? [0, 0]
        : [parameters.weights + offset, parameters.gradients + offset];
    };
    const directions: Weights[] = [];
    try {
      shape.cells.forEach((cell, d) => {
        const [Wx = 0, dWx = 0] = weightAt("weight_ih", d);
        const [Wh = 0, dWh = 0] = weightAt("weight_hh", d);
        const [Wr = 0, dWr = 0] = weightAt("weight_hr", d);
        const [peepholes = 0, dPeepholes = 0] = weightAt("peephole", d);
        const places: TrainedPlaces = { Wx, Wh, Wr, peepholes, dWx, dWh, dWr, dPeepholes };
        const sizes = { dtype, nx, na: shape.na, nh: shape.nh };
        const weights = new Weights(engine, cell, sizes, places);
        directions.push(weights);
        transposedOf(weights);
      });
    } catch (error) {
      for (const weights of directions) weights.release();
      throw error;
    }
    this.#directions = directions;
    this.#biases = shape.cells.map((_, d) => {
      if (!hasBias) return undefined;
      const [ih = 0, dih = 0] = weightAt("bias_ih", d);
      const [hh = 0, dhh = 0] = weightAt("bias_hh", d);
      return [ih, dih, hh, dhh] as const;
    });
  }

  pack(): void {
    this.#directions.forEach((weights, d) => {
      const { cell, na, bias } = weights;
      const { kernels, item } = this.#dtype;
      viewOf(this.#dtype, bias, cell.bias.length * na).fill(0);
      const biases = this.#biases[d];
      if (biases !== undefined) {
        const [ih, , hh] = biases;
        forEachBias(cell, na * item, (block, from) => {
          if (from.ih !== undefined) kernels.add_rows(1, na, ih + from.ih, bias + block);
          if (from.hh !== undefined) kernels.add_rows(1, na, hh + from.hh, bias + block);
        });
      }
      weights.pack();
      packTransposed(weights);
    });
  }

  release(): void {
    for (const weights of this.#directions) weights.release();
  }

  plan(layout: Layout, form: PassForm): LayerPass {
    const tokens = this.#tokens;
    const isTable = tokens !== undefined && usesTable(tokens, form.total);
    const rows = tokens === undefined || isTable ? undefined : this.#rows?.plan(layout, form);
    const passes = this.#directions.map((weights, d) =>
      this.#planDirection(layout, form, { weights, d, isTable }),
    );
    const shape = this.#shape;
    const { nh, nx } = shape;
    const D = shape.cells.length;
    const isPlain = D === 1 && !shape.reverse;
    const y = isPlain ? (passes[0] as DirectionPass).h : layout.take(form.rows * D * nh);
    const dx = this.#needsInput && !isTable ? layout.take(form.rows * nx) : 0;
    const part = layout.take(isPlain ? 0 : form.rows * nh);
    const mirrored = layout.take(isPlain || dx === 0 ? 0 : form.rows * nx);
    const { kernels, item } = this.#dtype;
    return {
      scratchBytes: passes.reduce((most, { scratchBytes }) => Math.max(most, scratchBytes), 0),
      begin: (context) => {
        for (const pass of passes) pass.begin(context);
      },
      forward: (context, given) => {
        const N = context.segment.rows;
        const x = rows === undefined ? given : rows.forward(context, given);
        passes.forEach((pass, d) => {
          pass.forward(context, x);
          if (isPlain) return;
          const mirror = readsFromEnd(shape, d) ? context.mirror : 0;
          kernels.gather_rows(N, nh, nh, D * nh, pass.h, mirror, y + d * nh * item);
        });
        return y;
      },
      backward: (context, given, dy, scratch) => {
        const N = context.segment.rows;
        passes.forEach((pass, d) => {
          const isFromEnd = readsFromEnd(shape, d);
          const mirror = isFromEnd ? context.mirror : 0;
          if (!isPlain) kernels.gather_rows(N, nh, D * nh, nh, dy + d * nh * item, mirror, part);
          const adds = d > 0;
          if (isFromEnd && adds && dx !== 0)
            kernels.gather_rows(N, nx, nx, nx, dx, mirror, mirrored);
          const target = dx === 0 ? 0 : isFromEnd ? mirrored : dx;
          pass.backward(context, { dy: isPlain ? dy : part, dx: target, adds, scratch });
          if (isFromEnd && dx !== 0) kernels.gather_rows(N, nx, nx, nx, mirrored, mirror, dx);
        });
        return rows === undefined ? dx : rows.backward(context, given, dx, scratch);
      },
      end: (_, scratch) => {
        for (const pass of passes) pass.end(scratch);
      },
      keepState: (context) => {
        for (const pass of passes) pass.keepState(context);
      },
    };
  }

  /** Lays out one direction. */
  #planDirection(
    layout: Layout,
    form: PassForm,
    { weights, d, isTable }: { weights: Weights; d: number; isTable: boolean },
  ): DirectionPass {
    const biases = this.#biases[d];
    const table =
      isTable && this.#tokens !== undefined
        ? planTable(layout, this.#parameters, this.#tokens, weights)
        : undefined;
    return planDirection(layout, form, {
      weights,
      table,
      layer: this.#index,
      d,
      isFromEnd: readsFromEnd(this.#shape, d),
      addBiasGradients: (db) => {
        if (biases === undefined) return;
        const [, dih, , dhh] = biases;
        const { cell, na } = weights;
        const { kernels, item } = this.#dtype;
        forEachBias(cell, na * item, (block, from) => {
          if (from.ih !== undefined) kernels.add_rows(1, na, db + block, dih + from.ih);
          if (from.hh !== undefined) kernels.add_rows(1, na, db + block, dhh + from.hh);
        });
      },
    });
  }
}

/** Visits each block of a cell's bias, so many bytes each: its place, and those of the parameters' blocks that add up to it, all in bytes. */
function forEachBias(
  { bias }: Cell,
  bytes: number,
  visit: (block: number, from: { ih: number | undefined; hh: number | undefined }) => void,
): void {
  bias.forEach(({ ih, hh }, block) => {
    visit(block * bytes, {
      ih: ih === undefined ? undefined : ih * bytes,
      hh: hh === undefined ? undefined : hh * bytes,
    });
  });
}
