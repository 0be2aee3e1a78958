import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import {
  fraction,
  numbers,
  type TorchNetwork,
  type TorchRun,
  type TrainedRun,
} from "./torch_training.js";

const folder = new URL("../fixtures/torch-training/", import.meta.url);

export const torchRuns = readdirSync(folder).map((file) => {
  const content = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  return { name: file.replace(".json", ""), ...content } as {
    readonly name: string;
    readonly network: TorchNetwork;
    readonly runs: readonly TorchRun[];
  };
});

/** Bounds of the relative errors after 200 steps in f64. */
const BOUNDS = { losses: 1e-9, norms: 1e-9, weights: 1e-9 };

/** The same in f32. Seen at 9e-7, 3e-6 and 5e-6: a number is off by up to 6e-8, and 200 updates add up. */
export const SINGLE = { losses: 3e-6, norms: 1e-5, weights: 2e-5 };

/** The largest error of some numbers, relative to the largest of them. */
function error(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  let [worst, most] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    worst = Math.max(worst, Math.abs((got[i] as number) - (want[i] as number)));
    most = Math.max(most, Math.abs(want[i] as number));
  }
  return worst / most;
}

const sums = (x: readonly number[]): number[] => [
  x.reduce((sum, value) => sum + value, 0),
  x.reduce((sum, value) => sum + value * value, 0),
  x.reduce((sum, value, i) => sum + value * fraction(i + 1), 0),
];

/** The numbers of a tensor, or the sums of them that the fixture has, each over Σ |x|: sums cancel. */
function compare(
  name: string,
  data: readonly number[],
  { run, bound }: { readonly run: TorchRun; readonly bound: number },
): void {
  const want = numbers(run.weights[name] as string);
  if (run.whole) expect(error(data, want), name).toBeLessThan(bound);
  else {
    const scale = data.reduce((sum, value) => sum + Math.abs(value) + value * value, 0);
    sums(data).forEach((sum, i) => {
      expect(Math.abs(sum - (want[i] as number)) / scale, `${name}, sum ${i}`).toBeLessThan(bound);
    });
  }
}

/** Losses, norms of gradients and weights are PyTorch's within the bounds, relative. */
export function expectTorch(
  { losses, norms, weights }: TrainedRun,
  run: TorchRun,
  bounds = BOUNDS,
): void {
  expect(error(losses, numbers(run.losses))).toBeLessThan(bounds.losses);
  if (run.trainer.clipNorm !== undefined) {
    expect(error(norms, numbers(run.norms))).toBeLessThan(bounds.norms);
  }
  expect(Object.keys(weights).sort()).toEqual(Object.keys(run.weights).sort());
  for (const [name, data] of Object.entries(weights))
    compare(name, data, { run, bound: bounds.weights });
}

export const titleOf = ({ trainer: { optimizer, schedule, accumulate = 1 } }: TorchRun): string =>
  `${optimizer.name}, ${schedule?.name ?? "constant"}, accumulate ${accumulate}`;
