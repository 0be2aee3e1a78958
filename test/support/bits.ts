import { expect } from "vitest";
import { firstDifference, relativeError } from "./compare.js";
import type { Tensor } from "./subject.js";

type Named = Readonly<Record<string, Tensor | undefined>>;

const present = (tensors: Named): [string, Tensor][] =>
  Object.entries(tensors).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);

const names = (tensors: Named): string[] => present(tensors).map(([name]) => name);

/** The same tensors under the same names, in every bit. */
export function expectSame(got: Named, want: Named): void {
  expect(names(got).sort()).toEqual(names(want).sort());
  for (const [name, tensor] of present(want)) {
    expect(got[name]?.shape, name).toEqual(tensor.shape);
    expect(firstDifference((got[name] as Tensor).data, tensor.data), name).toBeUndefined();
  }
}

/** The same tensors under the same names, to a relative error below `bound`. */
export function expectNear(got: Named, want: Named, bound: number): void {
  expect(names(got).sort()).toEqual(names(want).sort());
  for (const [name, tensor] of present(want)) {
    expect(relativeError(got[name] as Tensor, tensor), name).toBeLessThan(bound);
  }
}
