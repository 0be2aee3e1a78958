import { backwardOf } from "../cells/backward.js";
import { type Cell, gateElements } from "../cells/cell.js";
import type { GradientParts } from "../layers/gradients.js";
import { planBackward } from "../sequence/backward_plan.js";
import { backwardSteps, forwardSteps, saveState } from "../sequence/direction.js";
import type { DirectionBuffers } from "../sequence/forward_plan.js";
import { feedRows } from "../sequence/input.js";
import type { Layout } from "../sequence/layout.js";
import { readsFromEnd, type StackShape } from "../sequence/shape.js";
import { packTransposed, transposedOf } from "../sequence/transposed.js";
import { type TrainedPlaces, Weights } from "../sequence/weights.js";
import { ITEM } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import { trainingKernels } from "../wasm/kernel_sets.js";
import type { Layer, LayerPass, PassContext, PassForm } from "./layer.js";
import type { ParameterSpec, Parameters } from "./parameters.js";

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

/** How the parameters of a layer are called, and which one it is. */
interface Names {
  /** Of its stack. */
  readonly name: string;
  readonly hasBias: boolean;
  /** Its number through all stacks. */
  readonly index: number;
}

/** One recurrent layer, in one or two directions, whose weights are trained. */
export class RecurrentLayer implements Layer {
  readonly outputs: number;
  readonly #engine: EngineCore;
  /** Of this layer alone. */
  readonly #shape: StackShape;
  readonly #directions: readonly Weights[];
  /** For each direction the places of its biases and their gradients; undefined without biases. */
  readonly #biases: readonly (readonly [number, number, number, number] | undefined)[];
  /** Its number through all stacks. */
  readonly #index: number;

  constructor(
    parameters: Parameters,
    shape: StackShape,
    l: number,
    { name, hasBias, index }: Names,
  ) {
    const { engine } = parameters;
    this.#index = index;
    this.#engine = engine;
    const D = shape.cells.length;
    const nx = l === 0 ? shape.nx : D * shape.nh;
    this.#shape = { ...shape, layers: 1, nx };
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
        const sizes = { dtype: shape.dtype, nx, na: shape.na, nh: shape.nh };
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
      const { arena } = this.#engine;
      const kernels = trainingKernels(this.#engine);
      arena.f64(bias, cell.bias.length * na).fill(0);
      const biases = this.#biases[d];
      if (biases !== undefined) {
        const [ih, , hh] = biases;
        forEachBias(cell, na, (block, from) => {
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

  plan(layout: Layout, { m, rows: N }: PassForm): LayerPass {
    const shape = this.#shape;
    const { na, nh, nx } = shape;
    const D = shape.cells.length;
    const engine = this.#engine;
    const plans = this.#directions.map((weights, d) => {
      const { cell } = weights;
      const gateBytes = gateElements(cell, na) * ITEM;
      const h0 = layout.take((m + N) * nh);
      const c0 = layout.take(cell.hasCellState ? (m + N) * na : 0);
      const h = h0 + m * nh * ITEM;
      const direction: DirectionBuffers = {
        weights,
        x: readsFromEnd(shape, d) ? layout.take(N * nx) : 0,
        h0,
        c0,
        h,
        c: c0 + m * na * ITEM,
        gates: cell.gateBlocks === 0 ? h : layout.take(N * gateElements(cell, na)),
        u: layout.take(cell.projected ? N * na : 0),
        keeps: true,
        strides: { x: nx * ITEM, h: nh * ITEM, c: na * ITEM, gates: gateBytes, u: na * ITEM },
      };
      const last = { h: layout.take(m * nh), c: layout.take(cell.hasCellState ? m * na : 0) };
      const cellBackward = backwardOf(engine, cell);
      return { d, direction, last, cellBackward, origin: 0, back: planBackward(weights, m, N) };
    });
    const isPlain = D === 1 && !shape.reverse;
    const y = isPlain ? (plans[0]?.direction.h as number) : layout.take(N * D * nh);
    const dx = layout.take(N * nx);
    const dh = layout.take(m * nh);
    const dc = layout.take(m * na);
    const part = layout.take(isPlain ? 0 : N * nh);
    const mirrored = layout.take(isPlain ? 0 : N * nx);

    const forward = (context: PassContext, x: number): number => {
      const { arena } = engine;
      const kernels = trainingKernels(engine);
      const { batch, mirror, order, carry, states } = context;
      for (const { d, direction, last } of plans) {
        const { cell } = direction.weights;
        if (carry && states !== undefined) {
          const kept = states.of(this.#index);
          const start = { h: kept.h + d * m * nh * ITEM, c: kept.c + d * m * na * ITEM };
          kernels.gather_rows(m, nh, nh, nh, start.h, order, direction.h0);
          if (cell.hasCellState) kernels.gather_rows(m, na, na, na, start.c, order, direction.c0);
        } else {
          arena.f64(direction.h0, m * nh).fill(0);
          if (cell.hasCellState) arena.f64(direction.c0, m * na).fill(0);
        }
        // A sequence without steps keeps its state.
        kernels.gather_rows(m, nh, nh, nh, direction.h0, 0, last.h);
        if (cell.hasCellState) kernels.gather_rows(m, na, na, na, direction.c0, 0, last.c);
        const isFromEnd = readsFromEnd(shape, d);
        if (isFromEnd) kernels.gather_rows(N, nx, nx, nx, x, mirror, direction.x);
        else direction.x = x;
        feedRows(direction, N, direction.x);
        const all = { first: 0, last: batch.T };
        forwardSteps(direction, batch, all);
        saveState(direction, batch, all, last);
        if (isPlain) continue;
        const target = y + d * nh * ITEM;
        kernels.gather_rows(N, nh, nh, D * nh, direction.h, isFromEnd ? mirror : 0, target);
      }
      return y;
    };

    const backward = (context: PassContext, _: number, dy: number, scratch: number): number => {
      const { arena } = engine;
      const kernels = trainingKernels(engine);
      const { batch, mirror, previous } = context;
      for (const plan of plans) {
        const { d, direction, cellBackward } = plan;
        const { weights } = direction;
        const isFromEnd = readsFromEnd(shape, d);
        if (plan.origin !== scratch) {
          plan.origin = scratch;
          plan.back = planBackward(weights, m, N, scratch);
        }
        const at = plan.back;
        arena.f64(dh, m * nh).fill(0);
        arena.f64(dc, m * na).fill(0);
        at.dy = isPlain ? dy : part;
        at.dh = dh;
        at.dc = dc;
        at.dx = isFromEnd ? mirrored : dx;
        at.previous = previous;
        at.addsToInput = d > 0;
        if (!isPlain) {
          const source = dy + d * nh * ITEM;
          kernels.gather_rows(N, nh, D * nh, nh, source, isFromEnd ? mirror : 0, part);
        }
        if (isFromEnd && d > 0) kernels.gather_rows(N, nx, nx, nx, dx, mirror, mirrored);
        const all = { first: 0, last: batch.T, throughTime: true, cellBackward };
        backwardSteps(direction, batch, all, at);
        if (isFromEnd) kernels.gather_rows(N, nx, nx, nx, mirrored, mirror, dx);
        this.#addBiasGradients(d, weights, at.db);
      }
      return dx;
    };

    return {
      scratchBytes: plans.reduce((most, { back }) => Math.max(most, back.bytes), 0),
      forward,
      backward,
      keepState: ({ places, states }) => {
        if (states === undefined) return;
        const kernels = trainingKernels(engine);
        const kept = states.of(this.#index);
        for (const { d, direction, last } of plans) {
          kernels.gather_rows(m, nh, nh, nh, last.h, places, kept.h + d * m * nh * ITEM);
          if (!direction.weights.cell.hasCellState) continue;
          kernels.gather_rows(m, na, na, na, last.c, places, kept.c + d * m * na * ITEM);
        }
      },
    };
  }

  #addBiasGradients(d: number, { cell, na }: Weights, db: number): void {
    const biases = this.#biases[d];
    if (biases === undefined) return;
    const [, dih, , dhh] = biases;
    const kernels = trainingKernels(this.#engine);
    forEachBias(cell, na, (block, from) => {
      if (from.ih !== undefined) kernels.add_rows(1, na, db + block, dih + from.ih);
      if (from.hh !== undefined) kernels.add_rows(1, na, db + block, dhh + from.hh);
    });
  }
}

/** Visits each block of a cell's bias: its place, and those of the parameters' blocks that add up to it, all in bytes. */
function forEachBias(
  { bias }: Cell,
  na: number,
  visit: (block: number, from: { ih: number | undefined; hh: number | undefined }) => void,
): void {
  const bytes = na * ITEM;
  bias.forEach(({ ih, hh }, block) => {
    visit(block * bytes, {
      ih: ih === undefined ? undefined : ih * bytes,
      hh: hh === undefined ? undefined : hh * bytes,
    });
  });
}
