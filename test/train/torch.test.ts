import { describe, expect, it } from "vitest";
import { createEngineSync, type Tensor } from "../../src/index.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import {
  batchOf,
  firstWeights,
  fraction,
  numbers,
  optionsOf,
  type TorchNetwork,
  type TorchRun,
  torchRuns,
} from "./torch_runs.js";

/** Bound of every relative error after 200 steps. */
const BOUND = 1e-9;

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

const sums = (x: Float64Array): number[] => [
  x.reduce((sum, value) => sum + value, 0),
  x.reduce((sum, value) => sum + value * value, 0),
  x.reduce((sum, value, i) => sum + value * fraction(i + 1), 0),
];

/** The numbers of a tensor, or the sums of them that the fixture has, each over Σ |x|: sums cancel. */
function compare(name: string, { data }: Tensor, run: TorchRun): void {
  const want = numbers(run.weights[name] as string);
  if (run.whole) expect(error(data, want), name).toBeLessThan(BOUND);
  else {
    const scale = data.reduce((sum, value) => sum + Math.abs(value) + value * value, 0);
    sums(data).forEach((sum, i) => {
      expect(Math.abs(sum - (want[i] as number)) / scale, `${name}, sum ${i}`).toBeLessThan(BOUND);
    });
  }
}

function train(spec: TorchNetwork, run: TorchRun) {
  const engine = createEngineSync();
  const net = createTrainable(engine, optionsOf(spec));
  const shapes = new Map(net.parameters.map(({ name, shape }) => [name, shape]));
  const names = Object.keys(run.weights);
  expect([...shapes.keys()].sort()).toEqual([...names].sort());
  net.load(firstWeights(names, shapes));
  const trainer = createTrainer(net, { ...run.trainer, loss: spec.loss });
  const want = numbers(run.losses);
  const reports = Array.from(want, (_, step) => trainer.step(batchOf(spec, step)));
  const weights = net.weights();
  engine.dispose();
  return { reports, weights, want };
}

const titleOf = ({ trainer: { optimizer, schedule, accumulate = 1 } }: TorchRun): string =>
  `${optimizer.name}, ${schedule?.name ?? "constant"}, accumulate ${accumulate}`;

describe.each(torchRuns)("$name", ({ network, runs }) => {
  it.each(runs.map((run) => ({ title: titleOf(run), run })))(
    "200 steps follow PyTorch's to 1e-9 relative, losses, norms and weights: $title",
    ({ run }) => {
      const { reports, weights, want } = train(network, run);
      const losses = reports.map(({ loss }) => loss);
      expect(error(losses, want)).toBeLessThan(BOUND);
      const every = run.trainer.accumulate ?? 1;
      if (run.trainer.clipNorm !== undefined) {
        const norms = reports.filter((_, i) => (i + 1) % every === 0);
        const got = norms.map(({ gradientNorm }) => gradientNorm);
        expect(error(got, numbers(run.norms))).toBeLessThan(BOUND);
      }
      for (const [name, tensor] of Object.entries(weights)) compare(name, tensor, run);
    },
  );
});
