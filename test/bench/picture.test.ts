import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { picture } from "../../bench/report/picture.js";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const page = readFileSync(`${docs}performance.md`, "utf8");
const drawn = picture(page);

it("docs/performance.svg shows the numbers of docs/performance.md: `npm run bench -- --draw` makes it", () => {
  expect(readFileSync(`${docs}performance.svg`, "utf8")).toBe(drawn);
});

it("a row says what was measured, not the name of a case", () => {
  for (const label of ["LSTM, 64 units", "one sequence of 128 steps", "32 sequences of 64 steps"]) {
    expect(drawn).toContain(`>${label}</text>`);
  }
  expect(drawn).not.toMatch(/>S\d</);
});

it("a bar's number is the table's: onnxruntime-web beside our f32, one sequence of 128 steps", () => {
  const row = page.split("\n").find((line) => /^\| LSTM forward +\| S2 /.test(line)) ?? "";
  const [, , , , , , , web = ""] = row.split("|");
  const ratio = Number(web.match(/([\d.]+)× *$/)?.[1]);
  const altered = picture(page.replace(web, web.replace(/[\d.]+×( *)$/, `${ratio * 20}×$1`)));
  expect(altered).not.toBe(drawn);
  expect(altered).toContain(`>${(ratio * 20).toFixed(0)}×</text>`);
});
