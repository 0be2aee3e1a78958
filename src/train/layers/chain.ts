import type { Layout } from "../../sequence/layout.js";
import type { TrainedType } from "../trained_type.js";
import type { Layer, LayerPass, PassForm } from "./layer.js";

/** Passes one after the other, as one. */
function joined(passes: readonly LayerPass[]): LayerPass {
  const inputs: number[] = passes.map(() => 0);
  return {
    scratchBytes: passes.reduce((most, { scratchBytes }) => Math.max(most, scratchBytes), 0),
    begin(context) {
      for (const pass of passes) pass.begin?.(context);
    },
    forward(context, x) {
      let at = x;
      passes.forEach((pass, i) => {
        inputs[i] = at;
        at = pass.forward(context, at);
      });
      return at;
    },
    backward(context, _, dy, scratch) {
      let at = dy;
      // 0: nothing below needs a gradient.
      for (let i = passes.length - 1; i >= 0 && at !== 0; i--) {
        at = (passes[i] as LayerPass).backward(context, inputs[i] as number, at, scratch);
      }
      return at;
    },
    end(context, scratch) {
      for (const pass of passes) pass.end?.(context, scratch);
    },
    keepState(context) {
      for (const pass of passes) pass.keepState?.(context);
    },
  };
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
  readonly #dtype: TrainedType;
  readonly #inner: Chain;

  constructor(dtype: TrainedType, inner: Chain) {
    this.#dtype = dtype;
    this.#inner = inner;
    this.outputs = inner.outputs;
  }

  plan(layout: Layout, form: PassForm): LayerPass {
    const width = this.outputs;
    const inner = this.#inner.plan(layout, form);
    const y = layout.take(form.rows * width);
    const kept = layout.take(form.rows * width);
    const { kernels } = this.#dtype;
    return {
      ...inner,
      forward: (context, x) => {
        const n = context.segment.rows * width;
        const own = inner.forward(context, x);
        kernels.gather_rows(1, n, n, n, x, 0, y);
        kernels.add_rows(1, n, own, y);
        return y;
      },
      backward: (context, x, dy, scratch) => {
        const n = context.segment.rows * width;
        // The layers inside may overwrite dy.
        kernels.gather_rows(1, n, n, n, dy, 0, kept);
        const dx = inner.backward(context, x, dy, scratch);
        if (dx !== 0) kernels.add_rows(1, n, kept, dx);
        return dx;
      },
    };
  }

  pack(): void {
    this.#inner.pack();
  }

  release(): void {
    this.#inner.release();
  }
}
