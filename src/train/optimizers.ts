import { checkOptions, type OptionNames } from "../options.js";
import { ITEM } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { type TrainerKernels, trainerKernels } from "../wasm/trainer_kernels.js";
import { power } from "./arithmetic.js";
import { checkFlag, checkNumber, shown } from "./checks.js";
import type { Parameter, Parameters } from "./parameters.js";

interface CommonOptions {
  /** The learning rate, which a schedule multiplies. */
  readonly lr?: number | undefined;
  /** Times the weights, added to the gradient (`adamw`: taken off the weights). */
  readonly weightDecay?: number | undefined;
}

/** Stochastic gradient descent: torch.optim.SGD. */
export interface SgdOptions extends CommonOptions {
  readonly name: "sgd";
  /** Default 0. */
  readonly momentum?: number | undefined;
  /** Default 0. */
  readonly dampening?: number | undefined;
  /** Default false. Needs a momentum and no dampening. */
  readonly nesterov?: boolean | undefined;
}

/** torch.optim.Adam and torch.optim.AdamW. */
export interface AdamOptions extends CommonOptions {
  readonly name: "adam" | "adamw";
  /** Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Default 1e-8. */
  readonly eps?: number | undefined;
  /** Uses the largest second moment of all updates. Default false. */
  readonly amsgrad?: boolean | undefined;
}

/** torch.optim.RMSprop. */
export interface RmspropOptions extends CommonOptions {
  readonly name: "rmsprop";
  /** Default 0.99. */
  readonly alpha?: number | undefined;
  /** Default 1e-8. */
  readonly eps?: number | undefined;
  /** Default 0. */
  readonly momentum?: number | undefined;
  /** Takes the square of the mean gradient off the mean square. Default false. */
  readonly centered?: boolean | undefined;
}

/** torch.optim.Adagrad. */
export interface AdagradOptions extends CommonOptions {
  readonly name: "adagrad";
  /** Default 0. */
  readonly lrDecay?: number | undefined;
  /** Default 0. */
  readonly initialAccumulatorValue?: number | undefined;
  /** Default 1e-10. */
  readonly eps?: number | undefined;
}

/**
 * An optimiser with PyTorch's options, in camel case, and PyTorch's defaults: `lr` is 0.001 for sgd, adam and adamw, 0.01 for
 * rmsprop and adagrad; `weightDecay` is 0.01 for adamw and 0 for the others.
 */
export type OptimizerOptions = SgdOptions | AdamOptions | RmspropOptions | AdagradOptions;

type Name = OptimizerOptions["name"];
type Checked = Required<CommonOptions> & {
  readonly [option: string]: unknown;
};

const ADAM = { betas: [0.9, 0.999], eps: 1e-8, amsgrad: false };

/** Every option with its default. */
const DEFAULTS: Readonly<Record<Name, Checked>> = {
  sgd: { lr: 1e-3, weightDecay: 0, momentum: 0, dampening: 0, nesterov: false },
  adam: { lr: 1e-3, weightDecay: 0, ...ADAM },
  adamw: { lr: 1e-3, weightDecay: 1e-2, ...ADAM },
  rmsprop: { lr: 1e-2, weightDecay: 0, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false },
  adagrad: { lr: 1e-2, weightDecay: 0, lrDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
};

/** Checks the options of an optimiser; returns them with every default. */
function checked(where: string, options: OptimizerOptions): { name: Name; all: Checked } {
  const { name, ...given } = options;
  if (typeof name !== "string" || !Object.hasOwn(DEFAULTS, name)) {
    const names = Object.keys(DEFAULTS).join(", ");
    throw new TypeError(`${where}: optimizer: expected one of ${names}, got ${shown(name)}`);
  }
  const defaults = DEFAULTS[name];
  const known = Object.fromEntries(Object.keys(defaults).map((key) => [key, true as const]));
  checkOptions(where, given, known as OptionNames<typeof given>, "optimizer");
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  const all: Checked = { ...defaults, ...Object.fromEntries(present) };
  for (const [option, value] of Object.entries(all)) {
    const place = `${where}: optimizer.${option}`;
    if (typeof defaults[option] === "boolean") checkFlag(place, value);
    else if (option === "betas") {
      if (!Array.isArray(value) || value.length !== 2) {
        throw new TypeError(`${place}: expected [β₁, β₂], got ${shown(value)}`);
      }
      for (const beta of value) checkNumber(place, beta, { least: 0, most: 1, below: true });
    } else checkNumber(place, value, option === "alpha" ? { least: 0, most: 1 } : { least: 0 });
  }
  if (all.nesterov === true && !((all.momentum as number) > 0 && all.dampening === 0)) {
    throw new RangeError(
      `${where}: optimizer.nesterov: expected a momentum above 0 and no dampening`,
    );
  }
  return { name, all };
}

/** A run of parameters in memory that were updated equally often. */
interface Run {
  /** Bytes from the start of weights, gradients and moments. */
  readonly offset: number;
  readonly n: number;
  /** The number of this update, from 1. */
  readonly t: number;
}

/** Updates all numbers of a run. The moments are in the order of `moments`. */
type Update = (
  kernels: TrainerKernels,
  run: Run,
  at: { g: number; w: number; moments: number[] },
) => void;

/** The moments that an optimiser keeps, by PyTorch's names, and its update. */
interface Rule {
  readonly moments: readonly string[];
  readonly initial?: number;
  readonly update: (rate: number) => Update;
}

function ruleOf(name: Name, all: Checked): Rule {
  const of = (option: string): number => all[option] as number;
  const decay = all.weightDecay as number;
  switch (name) {
    case "sgd": {
      const momentum = of("momentum");
      return {
        moments: momentum === 0 ? [] : ["momentum_buffer"],
        update:
          (rate) =>
          (kernels, { n, t }, { g, w, moments: [v = 0] }) => {
            const isFirst = t === 1 ? 1 : 0;
            const nesterov = all.nesterov === true ? 1 : 0;
            kernels.sgd_update(
              n,
              rate,
              decay,
              momentum,
              of("dampening"),
              nesterov,
              isFirst,
              g,
              w,
              v,
            );
          },
      };
    }
    case "adam":
    case "adamw": {
      const [beta1, beta2] = all.betas as unknown as [number, number];
      const isDecoupled = name === "adamw";
      return {
        moments: ["exp_avg", "exp_avg_sq", ...(all.amsgrad === true ? ["max_exp_avg_sq"] : [])],
        update:
          (rate) =>
          (kernels, { n, t }, { g, w, moments: [m = 0, v = 0, most = 0] }) => {
            const shrink = isDecoupled ? 1 - rate * decay : 1;
            kernels.adam_update(
              n,
              rate / (1 - power(beta1, t)),
              isDecoupled ? 0 : decay,
              shrink,
              beta1,
              beta2,
              of("eps"),
              Math.sqrt(1 - power(beta2, t)),
              g,
              w,
              m,
              v,
              most,
            );
          },
      };
    }
    case "rmsprop": {
      const momentum = of("momentum");
      const hasMean = all.centered === true;
      return {
        moments: [
          "square_avg",
          ...(momentum === 0 ? [] : ["momentum_buffer"]),
          ...(hasMean ? ["grad_avg"] : []),
        ],
        update:
          (rate) =>
          (kernels, { n }, { g, w, moments }) => {
            const [s = 0, v = 0] = moments;
            const mean = hasMean ? (moments.at(-1) as number) : 0;
            kernels.rmsprop_update(
              n,
              rate,
              decay,
              of("alpha"),
              of("eps"),
              momentum,
              g,
              w,
              s,
              v,
              mean,
            );
          },
      };
    }
    case "adagrad":
      return {
        moments: ["sum"],
        initial: of("initialAccumulatorValue"),
        update:
          (rate) =>
          (kernels, { n, t }, { g, w, moments: [s = 0] }) => {
            const own = rate / (1 + (t - 1) * of("lrDecay"));
            kernels.adagrad_update(n, own, decay, of("eps"), g, w, s);
          },
      };
  }
}

/** The optimiser of a network: its moments in linear memory, laid out as the parameters, and how often each was updated. */
export class Optimizer extends Shared {
  readonly lr: number;
  /** PyTorch's names of the moments. */
  readonly names: readonly string[];
  readonly #parameters: Parameters;
  readonly #rule: Rule;
  readonly #moments: readonly Block[];
  readonly #updates: number[];

  constructor(where: string, parameters: Parameters, options: OptimizerOptions) {
    super();
    const { name, all } = checked(where, options);
    this.lr = all.lr as number;
    this.#parameters = parameters;
    this.#rule = ruleOf(name, all);
    this.names = this.#rule.moments;
    this.#updates = parameters.all.map(() => 0);
    const { arena } = parameters.engine;
    this.#moments = this.names.map(() => arena.allocate(parameters.bytes));
    const { initial = 0 } = this.#rule;
    for (const { pointer } of this.#moments) {
      arena.f64(pointer, parameters.bytes / ITEM).fill(0);
      // The padding between parameters stays 0, as an update of it must be 0 / ε.
      for (const { offset, size } of parameters.all)
        arena.f64(pointer + offset, size).fill(initial);
    }
  }

  /** Runs of neighbouring parameters that are not frozen and were updated equally often. */
  runs(): { offset: number; n: number; parameters: Parameter[] }[] {
    const { all, bytes } = this.#parameters;
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
      last.n = (end - last.offset) / ITEM;
      last.parameters.push(parameter);
    });
    return runs;
  }

  /** Updates every parameter that is not frozen, from its gradient. */
  update(rate: number): void {
    const { engine, weights, gradients, all } = this.#parameters;
    const kernels = trainerKernels(engine);
    const update = this.#rule.update(rate);
    for (const { offset, n, parameters } of this.runs()) {
      const first = all.indexOf(parameters[0] as Parameter);
      const t = (this.#updates[first] as number) + 1;
      const moments = this.#moments.map(({ pointer }) => pointer + offset);
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
