import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { picture } from "./picture.js";
import { report } from "./report.js";
import type { Results } from "./results.js";

const PAGE = "docs/performance.md";
const PICTURE = "docs/performance.svg";

/** Writes a text into docs/performance.md, between the marks of a name. */
export function writeBetween(name: string, content: string): void {
  const [first, last] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const text = readFileSync(PAGE, "utf8");
  const [begin, end] = [text.indexOf(first), text.indexOf(last)];
  if (begin < 0 || end < begin) throw new Error(`${PAGE}: no ${first} … ${last}`);
  writeFileSync(PAGE, `${text.slice(0, begin + first.length)}\n\n${content}\n${text.slice(end)}`);
  console.error(`written: ${PAGE}`);
}

/** Writes the last full run into docs/performance.md, and draws docs/performance.svg. */
export function publish(folder: string): void {
  const results: Results = JSON.parse(readFileSync(join(folder, "latest.json"), "utf8"));
  writeBetween("bench", report(results));
  draw();
}

/** Draws docs/performance.svg from the numbers in docs/performance.md. */
export function draw(): void {
  writeFileSync(PICTURE, picture(readFileSync(PAGE, "utf8")));
  console.error(`written: ${PICTURE}`);
}
