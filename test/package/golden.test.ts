import { readFileSync } from "node:fs";
import * as recurra from "recurra";
import { describe, expect, it } from "vitest";
import { golden } from "../support/golden.js";

const FILE = "../fixtures/golden.txt";
const HOW =
  "the bits have changed. If that is meant: npx vitest run test/package/golden.test.ts -u, and say why in the commit";

const wasm = (name: string) => readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url));

describe("the golden hashes, 0 bits of difference", () => {
  it("the built package", async () => {
    const engine = await recurra.createEngine();
    await expect(await golden(recurra, engine), HOW).toMatchFileSnapshot(FILE);
    // Once more over memory that is no longer fresh.
    await expect(await golden(recurra, engine), HOW).toMatchFileSnapshot(FILE);
  });

  it.each(["kernels", "kernels.debug"])("build/%s.wasm", async (name) => {
    const engine = recurra.createEngineSync({ wasm: wasm(name) });
    await expect(await golden(recurra, engine), HOW).toMatchFileSnapshot(FILE);
  });
});

it("one bit of one weight changes the hash of its case", async () => {
  const engine = recurra.createEngineSync();
  const sabotaged: typeof recurra = {
    ...recurra,
    rnnForward(...[owner, x, a0, parameters]) {
      const data = parameters.Wax.data.slice();
      const bits = new BigUint64Array(data.buffer);
      bits[0] = (bits[0] as bigint) ^ 1n;
      return recurra.rnnForward(owner, x, a0, { ...parameters, Wax: { ...parameters.Wax, data } });
    },
  };
  const lines = (await golden(sabotaged, engine)).split("\n");
  const changed = (await golden(recurra, engine))
    .split("\n")
    .filter((line, i) => line !== lines[i]);
  const names = changed.map((line) => line.slice(18));
  expect(names).toContain("exercise");
  expect(names).toContain("all");
  expect(names).not.toContain("no rows");
});
