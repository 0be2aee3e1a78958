import type { Layout } from "../sequence/layout.js";
import { panelElements } from "../sequence/layout.js";
import { addWeightGradient, gradientElements } from "../sequence/weight_gradient.js";
import { ITEM, LAYOUTS } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { trainingKernels } from "../wasm/kernel_sets.js";
import { trainerKernels } from "../wasm/trainer_kernels.js";
import type { OutputOf } from "./architecture.js";
import { joined, type Layer, type LayerPass, type PassContext, type PassForm } from "./layer.js";
import type { Parameter, Parameters } from "./parameters.js";

/** For each token its row of a table. */
export class Embedding implements Layer {
  readonly outputs: number;
  readonly #parameters: Parameters;
  readonly #table: Parameter;

  constructor(parameters: Parameters, table: Parameter) {
    this.#parameters = parameters;
    this.#table = table;
    this.outputs = table.shape[1] as number;
  }

  plan(layout: Layout, { rows }: PassForm): LayerPass {
    const n = this.outputs;
    const { engine } = this.#parameters;
    const { offset } = this.#table;
    const y = layout.take(rows * n);
    return {
      scratchBytes: 0,
      forward: ({ tokens }) => {
        trainingKernels(engine).gather_rows(
          rows,
          n,
          n,
          n,
          this.#parameters.weights + offset,
          tokens,
          y,
        );
        return y;
      },
      backward: ({ tokens }, _, dy) => {
        const target = this.#parameters.gradients + offset;
        trainerKernels(engine).scatter_add_rows(rows, n, n, n, dy, tokens, target);
        return 0;
      },
    };
  }
}

/** Layer normalisation of each row. */
export class LayerNorm implements Layer {
  /** As torch.nn.LayerNorm has it. */
  static readonly epsilon = 1e-5;
  readonly outputs: number;
  readonly #parameters: Parameters;
  readonly #gain: Parameter;
  readonly #bias: Parameter;

  constructor(parameters: Parameters, gain: Parameter, bias: Parameter) {
    this.#parameters = parameters;
    this.#gain = gain;
    this.#bias = bias;
    this.outputs = gain.size;
  }

  plan(layout: Layout, { rows }: PassForm): LayerPass {
    const n = this.outputs;
    const { weights, gradients, engine } = this.#parameters;
    const [gain, bias] = [this.#gain.offset, this.#bias.offset];
    const kernels = trainerKernels(engine);
    const y = layout.take(rows * n);
    const statistics = layout.take(2 * rows);
    return {
      scratchBytes: 0,
      forward: (_, x) => {
        const epsilon = LayerNorm.epsilon;
        kernels.layer_norm_forward(
          rows,
          n,
          epsilon,
          x,
          weights + gain,
          weights + bias,
          y,
          statistics,
        );
        return y;
      },
      backward: (_, x, dy) => {
        kernels.layer_norm_backward(
          rows,
          n,
          x,
          weights + gain,
          statistics,
          dy,
          dy,
          gradients + gain,
          gradients + bias,
        );
        return dy;
      },
    };
  }
}

/** Sets numbers to 0 with probability p and scales the others by 1 / (1 − p), in training alone. */
export class Dropout implements Layer {
  readonly outputs: number;
  readonly #p: number;
  readonly #engine: EngineCore;

  constructor(engine: EngineCore, outputs: number, p: number) {
    this.#engine = engine;
    this.outputs = outputs;
    this.#p = p;
  }

  plan(layout: Layout, { rows }: PassForm): LayerPass {
    const n = rows * this.outputs;
    const kernels = trainerKernels(this.#engine);
    const y = layout.take(n);
    const mask = layout.take(n);
    return {
      scratchBytes: 0,
      forward: ({ dropout }, x) => {
        if (dropout === undefined) return x;
        const { low, high } = dropout.seed;
        kernels.dropout_mask(n, this.#p, low, high, dropout.next, mask);
        dropout.next += n;
        kernels.multiply_map(n, x, mask, y);
        return y;
      },
      backward: ({ dropout }, _, dy) => {
        if (dropout !== undefined) kernels.multiply_map(n, dy, mask, dy);
        return dy;
      },
    };
  }
}

/** Layers one after the other. */
export class Chain implements Layer {
  readonly outputs: number;
  readonly layers: readonly Layer[];

  constructor(layers: readonly Layer[], inputs: number) {
    this.layers = layers;
    this.outputs = layers.at(-1)?.outputs ?? inputs;
  }

  plan(layout: Layout, form: PassForm): LayerPass {
    return joined(this.layers.map((layer) => layer.plan(layout, form)));
  }

  pack(): void {
    for (const layer of this.layers) layer.pack?.();
  }

  release(): void {
    for (const layer of this.layers) layer.release?.();
  }
}

/** y = x + f(x). */
export class Residual implements Layer {
  readonly outputs: number;
  readonly #engine: EngineCore;
  readonly #inner: Chain;

  constructor(engine: EngineCore, inner: Chain) {
    this.#engine = engine;
    this.#inner = inner;
    this.outputs = inner.outputs;
  }

  plan(layout: Layout, form: PassForm): LayerPass {
    const n = form.rows * this.outputs;
    const inner = this.#inner.plan(layout, form);
    const y = layout.take(n);
    const kept = layout.take(n);
    return {
      scratchBytes: inner.scratchBytes,
      forward: (context, x) => {
        const kernels = trainingKernels(this.#engine);
        const own = inner.forward(context, x);
        kernels.gather_rows(1, n, n, n, x, 0, y);
        kernels.add_rows(1, n, own, y);
        return y;
      },
      backward: (context, x, dy, scratch) => {
        const kernels = trainingKernels(this.#engine);
        // The layers inside may overwrite dy.
        kernels.gather_rows(1, n, n, n, dy, 0, kept);
        const dx = inner.backward(context, x, dy, scratch);
        kernels.add_rows(1, n, kept, dx);
        return dx;
      },
      keepState: (context) => inner.keepState?.(context),
    };
  }

  pack(): void {
    this.#inner.pack();
  }

  release(): void {
    this.#inner.release();
  }
}

/** One row for each sequence: the end of it, in each of D directions, or the mean of its steps. */
export class Pooling implements Layer {
  readonly outputs: number;
  readonly #engine: EngineCore;
  readonly #of: Exclude<OutputOf, "step">;
  /** For each block of columns whether it belongs to a direction that reads from the end. */
  readonly #blocks: readonly boolean[];

  constructor(
    engine: EngineCore,
    outputs: number,
    of: Exclude<OutputOf, "step">,
    blocks: readonly boolean[],
  ) {
    this.#engine = engine;
    this.outputs = outputs;
    this.#of = of;
    this.#blocks = blocks;
  }

  plan(layout: Layout, { m, rows: N }: PassForm): LayerPass {
    const n = this.outputs;
    const engine = this.#engine;
    const kernels = trainerKernels(engine);
    const y = layout.take(m * n);
    const dx = layout.take(N * n);
    // The mean: the sequence of each row, and 1 / length. The end: the last row of each sequence, and the first.
    const rowsOf = layout.take(N, Int32Array.BYTES_PER_ELEMENT);
    const factors = layout.take(m);
    const ends = layout.take(m, Int32Array.BYTES_PER_ELEMENT);
    const starts = layout.take(m, Int32Array.BYTES_PER_ELEMENT);
    const prepare = ({ batch }: PassContext): void => {
      const { arena } = engine;
      const lengths = batch.lengths();
      const places = arena.i32(rowsOf, N);
      batch.forEachRow(0, batch.T, (row, place) => {
        places[row] = place;
      });
      arena.f64(factors, m).set(Float64Array.from(lengths, (length) => 1 / length));
      arena.i32(ends, m).set(lengths.map((length, place) => batch.start(length - 1) + place));
      arena.i32(starts, m).set(lengths.map((_, place) => place));
    };
    const width = n / this.#blocks.length;
    const forEachBlock = (visit: (column: number, index: number) => void): void => {
      this.#blocks.forEach((isFromEnd, d) => {
        visit(d * width * ITEM, isFromEnd ? starts : ends);
      });
    };
    return {
      scratchBytes: 0,
      forward: (context, x) => {
        prepare(context);
        if (this.#of === "mean") {
          engine.arena.f64(y, m * n).fill(0);
          kernels.scatter_add_rows(N, n, n, n, x, rowsOf, y);
          kernels.scale_rows(m, n, factors, y);
        } else {
          forEachBlock((column, index) => {
            trainingKernels(engine).gather_rows(m, width, n, n, x + column, index, y + column);
          });
        }
        return y;
      },
      backward: (_context, _x, dy) => {
        if (this.#of === "mean") {
          kernels.scale_rows(m, n, factors, dy);
          trainingKernels(engine).gather_rows(N, n, n, n, dy, rowsOf, dx);
        } else {
          engine.arena.f64(dx, N * n).fill(0);
          forEachBlock((column, index) => {
            kernels.scatter_add_rows(m, width, n, n, dy + column, index, dx + column);
          });
        }
        return dx;
      },
    };
  }
}

/** The linear layer W·h + b on top, whose weight may be that of the embedding. */
export class TrainedLinear implements Layer {
  readonly outputs: number;
  readonly #parameters: Parameters;
  readonly #weight: Parameter;
  readonly #bias: Parameter | undefined;
  readonly #inputs: number;
  /** W packed, Wᵀ packed, and zeros, max(inputs, outputs) of them. */
  readonly #block: Block;
  readonly #transposed: number;
  readonly #zeros: number;

  constructor(parameters: Parameters, weight: Parameter, bias: Parameter | undefined) {
    const [ny = 0, na = 0] = weight.shape;
    this.#parameters = parameters;
    this.#weight = weight;
    this.#bias = bias;
    this.outputs = ny;
    this.#inputs = na;
    const { panel } = LAYOUTS.f64;
    const sizes = [panelElements(ny, na, panel), panelElements(na, ny, panel), Math.max(ny, na)];
    const { arena } = parameters.engine;
    this.#block = arena.allocate(sizes.reduce((sum, size) => sum + size) * ITEM);
    this.#transposed = this.#block.pointer + (sizes[0] as number) * ITEM;
    this.#zeros = this.#transposed + (sizes[1] as number) * ITEM;
    arena.f64(this.#zeros, sizes[2] as number).fill(0);
  }

  pack(): void {
    const [ny, na] = [this.outputs, this.#inputs];
    const kernels = trainingKernels(this.#parameters.engine);
    const W = this.#parameters.weights + this.#weight.offset;
    kernels.pack_panels(ny, na, na, 1, W, this.#block.pointer);
    kernels.pack_panels(na, ny, 1, na, W, this.#transposed);
  }

  release(): void {
    this.#block.release();
  }

  plan(layout: Layout, { rows }: PassForm): LayerPass {
    const [ny, na] = [this.outputs, this.#inputs];
    const { engine, weights, gradients } = this.#parameters;
    const bias = this.#bias === undefined ? undefined : this.#bias.offset;
    const y = layout.take(rows * ny);
    const dx = layout.take(rows * na);
    return {
      scratchBytes: gradientElements(ny, na) * ITEM,
      forward: (_, x) => {
        const init = bias === undefined ? this.#zeros : weights + bias;
        trainingKernels(engine).gemm_packed(
          rows,
          ny,
          na,
          na,
          0,
          ny,
          x,
          this.#block.pointer,
          init,
          y,
        );
        return y;
      },
      backward: (_, x, dy, scratch) => {
        const kernels = trainingKernels(engine);
        if (bias !== undefined) kernels.add_rows(rows, ny, dy, gradients + bias);
        const target = gradients + this.#weight.offset;
        const d = { rows, columns: ny, pointer: dy, scratch };
        addWeightGradient(kernels, d, [
          { first: 0, outputs: ny, width: na, source: x, lds: na, index: 0, target },
        ]);
        kernels.gemm_packed(rows, na, ny, ny, 0, na, dy, this.#transposed, this.#zeros, dx);
        return dx;
      },
    };
  }
}
