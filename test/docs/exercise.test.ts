import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createEngine, lstmBackward, lstmForward, type Tensor } from "recurra";
import { expect, it } from "vitest";
import { root } from "../support/project.js";

type Stored = { shape: number[]; data: number[] };

const tensor = ({ shape, data }: Stored): Tensor => ({ shape, data: Float64Array.from(data) });

/** The notebook's input, as a fixture holds it. */
function given(name: string) {
  const path = join(root, `test/fixtures/seed-cases/${name}.json`);
  const { inputs, parameters } = JSON.parse(readFileSync(path, "utf8"));
  const entries = Object.entries<Stored>(parameters).map(([key, value]) => [key, tensor(value)]);
  return {
    x: tensor(inputs.x),
    a0: tensor(inputs.a0),
    da: tensor(inputs.da),
    parameters: Object.fromEntries(entries),
  };
}

/** `dx[1][2]`: the steps of input 1 of sequence 2. */
function row({ shape: [, m = 0, T = 0], data }: Tensor): number[] {
  const from = (1 * m + 2) * T;
  return [...data.subarray(from, from + T)];
}

const page = readFileSync(join(root, "docs/exercise.md"), "utf8");
const printed = [...page.matchAll(/`\[(-?\d\.\d{8} [^\]]*)\]` \| `lstmBackward/g)].map(
  ([, numbers = ""]) => numbers.split(" "),
);

it.each([
  ["the notebook that carries the gradient through time", "lstm_backward", true, 0],
  ["the notebook that does not", "lstm_backward_local", false, 1],
])(
  "%s prints dx[1][2] as docs/exercise.md says, to 8 decimals",
  async (_, name, throughTime, i) => {
    using engine = await createEngine();
    const { x, a0, da, parameters } = given(name);
    const { caches } = lstmForward(engine, x, a0, parameters);
    const { dx } = lstmBackward(engine, da, caches, { throughTime });
    expect(row(dx).map((value) => value.toFixed(8))).toEqual(printed[i]);
  },
);

it("the page's two rows differ", () => {
  expect(printed).toHaveLength(2);
  expect(printed[0]).not.toEqual(printed[1]);
});
