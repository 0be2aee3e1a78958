import { checkOptions, type OptionNames } from "../options.js";
import { checkObject } from "../tensor.js";
import { cosine, power } from "./arithmetic.js";
import { checkInteger, checkNumber, shown } from "./checks.js";

interface Warmup {
  /** Updates over which the rate first rises linearly from 0, exclusive: update k has k / warmup of it. Default 0. */
  readonly warmup?: number | undefined;
}

/** The rate stays. */
export interface ConstantSchedule extends Warmup {
  readonly name: "constant";
}

/** Every `stepSize` updates the rate is multiplied by `gamma` (0.1): torch's StepLR. */
export interface StepSchedule extends Warmup {
  readonly name: "step";
  readonly stepSize: number;
  readonly gamma?: number | undefined;
}

/** At each milestone, an update's number, the rate is multiplied by `gamma` (0.1): torch's MultiStepLR. */
export interface MultiStepSchedule extends Warmup {
  readonly name: "multiStep";
  readonly milestones: readonly number[];
  readonly gamma?: number | undefined;
}

/** After each update the rate is multiplied by `gamma`: torch's ExponentialLR. */
export interface ExponentialSchedule extends Warmup {
  readonly name: "exponential";
  readonly gamma: number;
}

/** The factor goes from `startFactor` (1/3) to `endFactor` (1) in `totalIters` (5) updates: torch's LinearLR. */
export interface LinearSchedule extends Warmup {
  readonly name: "linear";
  readonly startFactor?: number | undefined;
  readonly endFactor?: number | undefined;
  readonly totalIters?: number | undefined;
}

/** Half a cosine from the rate to `etaMin` (0) in `tMax` updates: torch's CosineAnnealingLR; afterwards it stays at `etaMin`. */
export interface CosineSchedule extends Warmup {
  readonly name: "cosine";
  readonly tMax: number;
  readonly etaMin?: number | undefined;
}

/** How the learning rate changes from update to update, by PyTorch's options in camel case and its defaults. */
export type ScheduleOptions =
  | ConstantSchedule
  | StepSchedule
  | MultiStepSchedule
  | ExponentialSchedule
  | LinearSchedule
  | CosineSchedule;

/** The learning rate of update k, counted from 0, if the optimiser's is `lr`. */
export type Schedule = (k: number, lr: number) => number;

const NAMES: Readonly<Record<ScheduleOptions["name"], readonly string[]>> = {
  constant: [],
  step: ["stepSize", "gamma"],
  multiStep: ["milestones", "gamma"],
  exponential: ["gamma"],
  linear: ["startFactor", "endFactor", "totalIters"],
  cosine: ["tMax", "etaMin"],
};

/** Checks the options of a schedule; returns it. */
export function scheduleOf(where: string, options: ScheduleOptions | undefined): Schedule {
  if (options === undefined) return (_, lr) => lr;
  checkObject(where, "schedule", options);
  const { name, ...given } = options;
  if (typeof name !== "string" || !Object.hasOwn(NAMES, name)) {
    const names = Object.keys(NAMES).join(", ");
    throw new TypeError(`${where}: schedule: expected one of ${names}, got ${shown(name)}`);
  }
  const known = Object.fromEntries(["warmup", ...NAMES[name]].map((key) => [key, true as const]));
  checkOptions(where, given, known as OptionNames<typeof given>, "schedule");
  const plain = plainSchedule(`${where}: schedule`, options);
  const { warmup = 0 } = given;
  checkInteger(`${where}: schedule.warmup`, warmup, 0);
  return (k, lr) => (k < warmup ? (plain(k, lr) * (k + 1)) / warmup : plain(k, lr));
}

function plainSchedule(where: string, options: ScheduleOptions): Schedule {
  const factor = (name: string, value: number): number => {
    checkNumber(`${where}.${name}`, value, { least: 0 });
    return value;
  };
  switch (options.name) {
    case "constant":
      return (_, lr) => lr;
    case "step": {
      const { stepSize, gamma = 0.1 } = options;
      checkInteger(`${where}.stepSize`, stepSize, 1);
      factor("gamma", gamma);
      return (k, lr) => lr * power(gamma, Math.floor(k / stepSize));
    }
    case "multiStep": {
      const { milestones, gamma = 0.1 } = options;
      if (!Array.isArray(milestones)) {
        throw new TypeError(`${where}.milestones: expected a list, got ${shown(milestones)}`);
      }
      for (const each of milestones) checkInteger(`${where}.milestones`, each, 0);
      factor("gamma", gamma);
      return (k, lr) => lr * power(gamma, milestones.filter((each) => each <= k).length);
    }
    case "exponential": {
      const { gamma } = options;
      factor("gamma", gamma);
      return (k, lr) => lr * power(gamma, k);
    }
    case "linear": {
      const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options;
      factor("startFactor", startFactor);
      factor("endFactor", endFactor);
      checkInteger(`${where}.totalIters`, totalIters, 1);
      return (k, lr) =>
        lr * (startFactor + ((endFactor - startFactor) * Math.min(k, totalIters)) / totalIters);
    }
    case "cosine": {
      const { tMax, etaMin = 0 } = options;
      checkInteger(`${where}.tMax`, tMax, 1);
      factor("etaMin", etaMin);
      return (k, lr) =>
        etaMin + ((lr - etaMin) * (1 + cosine((Math.PI * Math.min(k, tMax)) / tMax))) / 2;
    }
  }
}
