import { describe, expect, it } from "vitest";
import { stencil } from "../oracle/stencil.js";
import { each } from "../oracle/tensor.js";
import {
  type CellRow,
  cells,
  type Draw,
  draw,
  type State,
  type Tensors,
} from "../support/cells.js";
import { expectNear } from "../support/compare.js";
import { type EngineSubject, engines } from "../support/engines.js";
import type { Tensor } from "../support/subject.js";

// The stencil's own error is below 1e-12 of the loss (test/oracle/stencil.ts), and the gradients' largest elements are
// no smaller than 1e-3 of it; a wrong term in a derivative moves it by percents.
const BOUND = 1e-8;

/** Moves every number of every operand and watches the loss: the gradients, under the functions' names. */
function differences(loss: () => number, { x, initial, parameters }: Draw): Tensors {
  const operands = { ...parameters, x, a0: initial.a, ...(initial.c && { c0: initial.c }) };
  return Object.fromEntries(
    Object.entries(operands).map(([name, operand]) => [`d${name}`, stencil(loss, operand)]),
  );
}

/** Runs forward with parameters whose numbers the stencil moves in place. */
function running(on: EngineSubject, cell: CellRow, { x, initial, parameters }: Draw) {
  return () => {
    on.engine.parametersChanged(parameters);
    return cell.run(on, x, initial, parameters);
  };
}

const dot = (one: Tensor, other: Tensor): number =>
  each((a, b) => a * b, one, other).data.reduce((sum, value) => sum + value, 0);

const last = ({ c }: Tensors, { d, na, m, T }: Draw): [Tensor, Tensor] => {
  if (c === undefined || d.c === undefined) throw new Error("a cell without memory");
  return [{ shape: [na, m], data: c.data.filter((_, i) => i % T === T - 1) }, d.c];
};

describe.each(engines)(`gradients are derivatives, to ${BOUND}, on the $name`, (on) => {
  describe.each(cells)("$name", (cell) => {
    it.each(["mean", "sum"] as const)(
      "%s of cross-entropies, some targets ignored",
      (reduction) => {
        const drawn = draw(cell, { nx: 2, na: 3, ny: 3, m: 3, T: 4 }, 7);
        expect(new Set(drawn.targets)).toEqual(new Set([-1, 0, 1, 2]));
        const run = running(on, cell, drawn);
        const pass = run();
        const { da, ...head } = pass.loss(drawn.targets, reduction).gradients;
        const gradients = { ...head, ...pass.backward(da) };
        pass.dispose();
        const loss = () => {
          const moved = run();
          const { loss } = moved.loss(drawn.targets, reduction);
          moved.dispose();
          return loss;
        };
        expectNear(gradients, differences(loss, drawn), BOUND);
      },
    );
  });

  it.each(cells.filter(({ hasCellState }) => hasCellState))(
    "$name: Σ a·da + Σ c·dcLast",
    (cell) => {
      const drawn = draw(cell, { nx: 2, na: 3, ny: 1, m: 2, T: 3 }, 8);
      const { da, d } = drawn;
      const run = running(on, cell, drawn);
      const pass = run();
      const gradients = pass.backward(da, { dcLast: (d as Required<State>).c });
      pass.dispose();
      const loss = () => {
        const { outputs, dispose } = run();
        dispose();
        return dot(outputs.a, da) + dot(...last(outputs, drawn));
      };
      const wanted = differences(loss, drawn);
      // Neither sees the output layer.
      const recurrent = Object.entries(wanted).filter(([name]) => name in gradients);
      expectNear(gradients, Object.fromEntries(recurrent), BOUND);
    },
  );
});
