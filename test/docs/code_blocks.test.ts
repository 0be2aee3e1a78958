import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");
const programs = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, program]) => program);

/** What a program of the README prints, run on the built package by its name. */
const run = (program: string | undefined): string[] =>
  execFileSync(process.execPath, ["--input-type=module", "--eval", program ?? ""], {
    cwd: root,
    encoding: "utf8",
  })
    .trim()
    .split("\n");

it("the README's first example runs as it stands: the sentence is likelier than its words in another order", () => {
  const [sentence = "", shuffled = "", likeliest, ...more] = run(programs[0]);
  const bits = (line: string): number => Number(line.split(" ")[2]);
  expect(sentence).toMatch(/^-\d+\.\d\d 36 \d\.\d\d \d\.\d\d$/);
  expect(bits(shuffled)).toBeGreaterThan(bits(sentence) + 0.5);
  expect([likeliest, ...more]).toEqual(["e"]);
});

it("the README's layer runs as it stands, and prints what it says", () => {
  expect(run(programs[1])).toEqual(["[ 100, 1, 64 ] [ 1, 64 ]"]);
});

it("the README's functions run as they stand, and print what it says", () => {
  const [shapes, loss] = run(programs[2]);
  expect(shapes).toBe("[ 5, 10, 7 ] [ 2, 10, 7 ]");
  expect(loss).toMatch(/^0\.\d+ \[ 5, 8 \]$|^1\.\d+ \[ 5, 8 \]$/);
  expect(programs).toHaveLength(3);
});
