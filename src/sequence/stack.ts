import { Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { type ForwardBuffers, type ForwardForm, planForward } from "./forward_plan.js";
import { type StackShape, sizesOf } from "./shape.js";
import type { StackWeights, Weights } from "./weights.js";

/** The plans that a stack keeps. */
const MOST_PLANS = 8;

/** The weights of a stack in linear memory, and the plans of its last passes. */
export class Stack extends Shared implements StackWeights {
  readonly engine: EngineCore;
  readonly shape: StackShape;
  readonly layerDirections: readonly Weights[];
  /** Plans that no pass uses at the moment; the last one was used last. They hold no linear memory. */
  readonly #plans: ForwardBuffers[] = [];

  /** Takes over the caller's ownership of the weights. */
  constructor(engine: EngineCore, shape: StackShape, layerDirections: readonly Weights[]) {
    super();
    this.engine = engine;
    this.shape = shape;
    this.layerDirections = layerDirections;
  }

  /** Buffers for a forward pass, at the place where the last such pass had them. They belong to the pass until `giveBack`. */
  plan({ m, rows }: Batch, feed: ForwardForm["feed"], keep: boolean): ForwardBuffers {
    const plans = this.#plans;
    for (let i = plans.length - 1; i >= 0; i--) {
      const plan = plans[i] as ForwardBuffers;
      const { form } = plan;
      if (form.m !== m || form.rows !== rows || form.feed !== feed || form.keep !== keep) continue;
      // Usually it is the last one: `pop` makes no array.
      if (i + 1 === plans.length) plans.pop();
      else plans.splice(i, 1);
      return plan;
    }
    return planForward(this, { m, rows, feed, keep });
  }

  /** Takes back the buffers of a pass that has come to its end. */
  giveBack(plan: ForwardBuffers): void {
    if (this.#plans.length === MOST_PLANS) this.#plans.shift();
    this.#plans.push(plan);
  }

  protected free(): void {
    for (const weights of this.layerDirections) weights.release();
  }
}

/** Layer l of a stack alone: a stack over the same weights, with plans of its own. */
export function layerOf({ engine, shape, layerDirections }: Stack, l: number): Stack {
  const D = shape.cells.length;
  const own = layerDirections.slice(l * D, (l + 1) * D);
  for (const weights of own) weights.retain();
  return new Stack(engine, { ...shape, layers: 1, nx: sizesOf(shape, l).nx }, own);
}
