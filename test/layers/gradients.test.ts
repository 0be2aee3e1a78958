import { describe, expect, it } from "vitest";
import { stencil } from "../oracle/stencil.js";
import { expectNear, expectSame } from "../support/bits.js";
import {
  type Drawn,
  drawNetwork,
  type Kind,
  listed,
  networks,
  open,
  runOracle,
  startOf,
} from "../support/networks.js";
import type { Tensor } from "../support/subject.js";
import { engines } from "../support/subjects.js";

// The stencil's own error is below 1e-12 of the loss (test/support/derivative.ts), and the gradients' largest elements are
// no smaller than 1e-3 of it; a wrong term in a derivative moves it by percents.
const BOUND = 1e-8;

const lengths = [2, 0, 3];
/** A unit less where several passes, or many kinds of one, make up for it. */
const sizesOf = ({ layers = 1, bidirectional = false, activations, projected }: Kind) => ({
  ...{ nx: 2, lengths },
  na: projected || (layers === 1 && !bidirectional && activations === undefined) ? 3 : 2,
});

const dot = (a: Tensor | undefined, b: Tensor | undefined): number =>
  a?.data.reduce((sum, value, i) => sum + value * (b?.data[i] as number), 0) ?? 0;

/** Σ y·dy + Σ h·dh + Σ c·dc of the plain loops. */
function loss(drawn: Drawn): number {
  const { outputs, state } = runOracle(drawn);
  const { dOutputs, dState } = drawn;
  const ofOutputs = outputs.reduce((sum, y, b) => sum + dot(y, dOutputs[b]), 0);
  return ofOutputs + dot(state.h, dState.h) + dot(state.c, dState.c);
}

/** Every operand that a gradient belongs to. */
const operands = ({ weights, sequences, state }: Drawn): Record<string, Tensor> => ({
  ...weights,
  ...listed("x", sequences),
  ...state,
});

/** Functions with corners want a smaller step, which moves no number across one. */
const CORNERS = /relu|elu|hardSigmoid|softsign|clip/i;
const stepOf = (name: string): number => (CORNERS.test(name) ? 5e-4 : 2e-3);

/** The plain loops' derivatives do not depend on the engine. */
const wanted = new Map<string, Record<string, Tensor>>();

function differences(name: string, drawn: Drawn): Record<string, Tensor> {
  const known = wanted.get(name);
  if (known !== undefined) return known;
  const fresh = Object.fromEntries(
    Object.entries(operands(drawn)).map(([of, operand]) => [
      of,
      stencil(() => loss(drawn), operand, stepOf(name)),
    ]),
  );
  wanted.set(name, fresh);
  return fresh;
}

describe.each(engines)(
  `gradients are the plain loops' derivatives, to ${BOUND}, on the $name`,
  ({ engine }) => {
    it.each(networks)(
      "$name: of every weight, every input, the initial state",
      ({ name, kind }) => {
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
        expectNear({ ...got }, differences(name, drawn), BOUND);
        expectSame({ ...give() }, { ...got });
        for (const made of [tape, state, network]) made.dispose();
      },
    );
  },
);
