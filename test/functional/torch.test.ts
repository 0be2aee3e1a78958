import { describe, expect, it } from "vitest";
import { relativeError } from "../support/compare.js";
import { fixtures } from "../support/fixtures.js";
import { byLayers } from "../support/layers.js";
import type { Tensor } from "../support/subject.js";
import { engines, subjects } from "../support/subjects.js";
import { expectedOf, runTorchCase, type TorchCase } from "../support/torch.js";
import { byFunctions } from "../support/torch_direction.js";

// PyTorch sums in blocks and has its own tanh, both float64; three layers over eleven steps multiply what they differ by.
const BOUND = 1e-11;

const cases = fixtures<TorchCase>("torch-cases");

const ways = [
  ...subjects.map((subject) => ({ name: subject.name, open: byFunctions(subject) })),
  ...engines.map(({ name, engine }) => ({ name: `layers of the ${name}`, open: byLayers(engine) })),
];

describe.each(ways)("PyTorch's float64 cases on the $name", ({ open }) => {
  it.each(cases)(`$name: outputs, states and all gradients to ${BOUND}`, ({ content }) => {
    const results = runTorchCase(open, content);
    const expected = expectedOf(content);
    expect([...results.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, want] of expected) {
      expect(relativeError(results.get(name) as Tensor, want), name).toBeLessThan(BOUND);
    }
  });
});
