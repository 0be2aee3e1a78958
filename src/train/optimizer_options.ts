import { checkOptions, type OptionNames } from "../options.js";
import { checkObject } from "../tensor.js";
import { checkFlag, checkNumber, shown } from "./checks.js";

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

/** An optimiser's name. */
export type OptimizerName = OptimizerOptions["name"];
/** All options of an optimiser. */
export type CheckedOptimizer = Required<CommonOptions> & {
  readonly [option: string]: unknown;
};

const ADAM = { betas: [0.9, 0.999], eps: 1e-8, amsgrad: false };

/** Every option with its default. */
const DEFAULTS: Readonly<Record<OptimizerName, CheckedOptimizer>> = {
  sgd: { lr: 1e-3, weightDecay: 0, momentum: 0, dampening: 0, nesterov: false },
  adam: { lr: 1e-3, weightDecay: 0, ...ADAM },
  adamw: { lr: 1e-3, weightDecay: 1e-2, ...ADAM },
  rmsprop: { lr: 1e-2, weightDecay: 0, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false },
  adagrad: { lr: 1e-2, weightDecay: 0, lrDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
};

/** Checks the options of an optimiser; returns them with every default. */
export function checkOptimizer(
  where: string,
  options: OptimizerOptions,
): { name: OptimizerName; all: CheckedOptimizer } {
  checkObject(where, "optimizer", options);
  const { name, ...given } = options;
  if (typeof name !== "string" || !Object.hasOwn(DEFAULTS, name)) {
    const names = Object.keys(DEFAULTS).join(", ");
    throw new TypeError(`${where}: optimizer: expected one of ${names}, got ${shown(name)}`);
  }
  const defaults = DEFAULTS[name];
  const known = Object.fromEntries(Object.keys(defaults).map((key) => [key, true as const]));
  checkOptions(where, given, known as OptionNames<typeof given>, "optimizer");
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  const all: CheckedOptimizer = { ...defaults, ...Object.fromEntries(present) };
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
