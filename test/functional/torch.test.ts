import { describe, it } from "vitest";
import { expectNear } from "../support/compare.js";
import { subjects } from "../support/engines.js";
import { fixtures } from "../support/fixtures.js";
import { listed, runOracle } from "../support/networks.js";
import { byFunctions, drawnOf, expectedOf, type TorchCase } from "../support/torch.js";

// PyTorch sums in blocks and has its own tanh, both float64; three layers over eleven steps multiply what they differ by.
const BOUND = 1e-11;

// Networks of the functions: the layers one after the other, the second direction from the end, each sequence alone.
describe.each(subjects)("PyTorch's float64 cases by the functions, $name", (subject) => {
  it.each(fixtures<TorchCase>("torch-cases"))(
    `$name: outputs, states and all gradients to ${BOUND}`,
    ({ content }) => {
      const { outputs, state, gradients } = runOracle(drawnOf(content), byFunctions(subject));
      const wanted = expectedOf(content);
      expectNear({ ...listed("y", outputs), ...state }, wanted.results, BOUND);
      expectNear(gradients(), wanted.gradients, BOUND);
    },
  );
});
