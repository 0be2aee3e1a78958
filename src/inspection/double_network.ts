import type { Cell } from "../cells/cell.js";
import { ALL_KERNELS } from "../cells/kernels.js";
import { shapeOf } from "../layers/shape.js";
import { AddNorm } from "../model/add_norm.js";
import type { Network, NetworkStack } from "../model/network.js";
import { Linear } from "../sequence/linear.js";
import { sizesOf } from "../sequence/shape.js";
import { Stack } from "../sequence/stack.js";
import { Weights } from "../sequence/weights.js";
import type { Floats, NumberType } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { float64 } from "../wasm/kernel_sets.js";

/** A recurrent stack of one direction, in f64, and what follows it. */
export interface DoubleStack {
  readonly stack: Stack;
  readonly addNorm: AddNorm | undefined;
}

/** A linear layer in f64, with the record of its activation if a kernel applies one. */
export interface DoubleLinear {
  readonly linear: Linear;
  readonly record: Block | undefined;
}

/**
 * A network in f64, in which gradients are computed: the network itself, or a copy of an f32 network with the same weights.
 * The caller releases it.
 */
export class DoubleNetwork extends Shared {
  readonly engine: EngineCore;
  readonly stacks: readonly DoubleStack[];
  readonly dense: readonly DoubleLinear[];
  readonly #owned: Shared[] = [];

  constructor(network: Network) {
    super();
    const { engine, dtype, stacks, dense } = network;
    this.engine = engine;
    if (dtype.precision === "f64") {
      this.#owned.push(network.retain());
      this.stacks = stacks;
      this.dense = dense.layers;
      return;
    }
    const own = <S extends Shared>(part: S): S => {
      this.#owned.push(part);
      return part;
    };
    try {
      const double = float64(engine);
      this.stacks = stacks.map((each) => ({
        stack: own(copyStack(engine, each)),
        addNorm: each.addNorm && own(copyAddNorm(engine, double, each.addNorm)),
      }));
      this.dense = dense.layers.map(({ linear, record }) => ({
        linear: own(copyLinear(engine, double, linear)),
        record: record && own(record.retain()),
      }));
    } catch (error) {
      this.free();
      throw error;
    }
  }

  protected free(): void {
    for (const each of this.#owned) each.release();
  }
}

/** The numbers of a view, which a later allocation may detach. */
const copyOf = (view: Floats): Float64Array => Float64Array.from(view);

function copyStack(engine: EngineCore, { stack, options }: NetworkStack): Stack {
  const { layers, nx } = stack.shape;
  const shape = { ...shapeOf(engine, { ...options, precision: "f64" }, ALL_KERNELS), layers, nx };
  const D = shape.cells.length;
  const made: Weights[] = [];
  try {
    for (const [p, from] of stack.layerDirections.entries()) {
      const cell = shape.cells[p % D] as Cell;
      const weights = new Weights(engine, cell, sizesOf(shape, Math.floor(p / D)), (to) => {
        from.read(({ Wx, Wh, bias, Wr, peepholes }) => {
          to.Wx.set(Wx);
          to.Wh.set(Wh);
          to.bias.set(bias);
          to.Wr.set(Wr);
          to.peepholes.set(peepholes);
        });
      });
      made.push(weights);
    }
  } catch (error) {
    for (const each of made) each.release();
    throw error;
  }
  return new Stack(engine, shape, made);
}

function copyAddNorm(engine: EngineCore, double: NumberType, from: AddNorm): AddNorm {
  const numbers = copyOf(from.parameters);
  const n = numbers.length / 2;
  const part = (first: number) => ({ shape: [n], data: numbers.subarray(first, first + n) });
  const { adds, epsilon } = from;
  const norm = n === 0 ? undefined : { name: "", weight: part(0), bias: part(n), epsilon };
  return new AddNorm(engine, double, from.columns, { norm, adds });
}

function copyLinear(engine: EngineCore, double: NumberType, from: Linear): Linear {
  const [W, bias] = from.arrays().map(copyOf) as [Float64Array, Float64Array];
  return new Linear(engine, double, { ny: from.ny, na: from.na, W, bias });
}
