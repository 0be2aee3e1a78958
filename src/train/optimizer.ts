import { ITEM } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { checkOptimizer, type OptimizerOptions } from "./optimizer_options.js";
import { type Rule, ruleOf } from "./optimizer_rules.js";
import type { Parameter, Parameters } from "./parameters.js";

/** The optimiser of a network: its moments in linear memory, in f64, laid out as the parameters, and how often each was updated. */
export class Optimizer extends Shared {
  readonly lr: number;
  /** PyTorch's names of the moments. */
  readonly names: readonly string[];
  readonly #parameters: Parameters;
  readonly #rule: Rule;
  readonly #moments: readonly Block[];
  /** How many times as many bytes a moment, which is f64, has as the weights. */
  readonly #times: number;
  /** Bytes of a moment. */
  readonly momentBytes: number;
  readonly #updates: number[];

  constructor(where: string, parameters: Parameters, options: OptimizerOptions) {
    super();
    const { name, all } = checkOptimizer(where, options);
    this.lr = all.lr as number;
    this.#parameters = parameters;
    this.#rule = ruleOf(name, all);
    this.names = this.#rule.moments;
    this.#updates = parameters.all.map(() => 0);
    const { arena } = parameters.engine;
    this.#times = ITEM / parameters.dtype.item;
    this.momentBytes = parameters.bytes * this.#times;
    this.#moments = this.names.map(() => arena.allocate(this.momentBytes));
    const { initial = 0 } = this.#rule;
    for (const { pointer } of this.#moments) {
      arena.f64(pointer, this.momentBytes / ITEM).fill(0);
      // The padding between parameters stays 0, as an update of it must be 0 / ε.
      for (const { offset, size } of parameters.all)
        arena.f64(pointer + offset * this.#times, size).fill(initial);
    }
  }

  /** Runs of neighbouring parameters that are not frozen and were updated equally often. */
  runs(): { offset: number; n: number; parameters: Parameter[] }[] {
    const { all, bytes, dtype } = this.#parameters;
    const runs: { offset: number; n: number; parameters: Parameter[]; count: number }[] = [];
    let last: (typeof runs)[number] | undefined;
    all.forEach((parameter, i) => {
      if (parameter.isFrozen) {
        last = undefined;
        return;
      }
      const count = this.#updates[i] as number;
      const end = all[i + 1]?.offset ?? bytes;
      if (last === undefined || last.count !== count) {
        last = { offset: parameter.offset, n: 0, parameters: [], count };
        runs.push(last);
      }
      last.n = (end - last.offset) / dtype.item;
      last.parameters.push(parameter);
    });
    return runs;
  }

  /** Updates every parameter that is not frozen, from its gradient. */
  update(rate: number): void {
    const { dtype, weights, gradients, all } = this.#parameters;
    const { kernels } = dtype;
    const update = this.#rule.update(rate);
    for (const { offset, n, parameters } of this.runs()) {
      const first = all.indexOf(parameters[0] as Parameter);
      const t = (this.#updates[first] as number) + 1;
      const moments = this.#moments.map(({ pointer }) => pointer + offset * this.#times);
      update(kernels, { offset, n, t }, { g: gradients + offset, w: weights + offset, moments });
      parameters.forEach((_, i) => {
        this.#updates[first + i] = t;
      });
    }
  }

  /** How often each parameter was updated. */
  get updates(): readonly number[] {
    return this.#updates;
  }

  set updates(counts: readonly number[]) {
    counts.forEach((count, i) => {
      this.#updates[i] = count;
    });
  }

  /** Pointers to the moments. */
  get pointers(): readonly number[] {
    return this.#moments.map(({ pointer }) => pointer);
  }

  protected free(): void {
    for (const block of this.#moments) block.release();
  }
}
