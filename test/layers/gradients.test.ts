import { describe, expect, it } from "vitest";
import { expectNear, expectSame } from "../support/compare.js";
import { engines } from "../support/engines.js";
import {
  drawNetwork,
  type Kind,
  listed,
  networks,
  open,
  runOracle,
  startOf,
} from "../support/networks.js";

// The plain loops' backward is proved by differences in test/oracle; both sides sum at most 30 products at a step.
const BOUND = 1e-12;

const lengths = [2, 0, 3];
/** A unit less where several passes, or many kinds of one, make up for it. */
const sizesOf = ({ layers = 1, bidirectional = false, activations, projected }: Kind) => ({
  nx: 2,
  lengths,
  na: projected || (layers === 1 && !bidirectional && activations === undefined) ? 3 : 2,
});

describe.each(engines)(
  `gradients are the plain loops', to ${BOUND}, on the $name`,
  ({ engine }) => {
    it.each(networks)("$name: of every weight, every input, the initial state", ({ kind }) => {
      const drawn = drawNetwork(kind, sizesOf(kind), 5);
      const network = open(engine, drawn);
      const state = startOf(network, drawn);
      const { tape, outputs } = network.forward(drawn.sequences, state, { keepTape: true });
      if (tape === undefined) throw new Error("no tape");
      const give = () => {
        const back = network.backward(drawn.dOutputs, tape, drawn.dState);
        return { ...back.gradients, ...listed("x", back.dInputs), ...back.dState };
      };
      const got = give();
      expect(outputs.map(({ shape }) => shape[0])).toEqual(lengths);
      expectNear({ ...got }, runOracle(drawn).gradients(), BOUND);
      expectSame({ ...give() }, { ...got });
      for (const made of [tape, state, network]) made.dispose();
    });
  },
);
