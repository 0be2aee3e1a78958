import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { picture } from "./picture.js";
import { report } from "./report.js";
import type { Results } from "./results.js";

const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

const PAGE = "docs/performance.md";
const PICTURE = "docs/performance.svg";

/** Writes the last full run into docs/performance.md, between its marks, and draws docs/performance.svg. */
export function publish(folder: string): void {
  const results: Results = JSON.parse(readFileSync(join(folder, "latest.json"), "utf8"));
  const text = readFileSync(PAGE, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${PAGE}: no ${BEGIN} … ${END}`);
  const head = text.slice(0, begin + BEGIN.length);
  writeFileSync(PAGE, `${head}\n\n${report(results)}\n${text.slice(end)}`);
  console.error(`written: ${PAGE}`);
  draw();
}

/** Draws docs/performance.svg from the numbers in docs/performance.md. */
export function draw(): void {
  writeFileSync(PICTURE, picture(readFileSync(PAGE, "utf8")));
  console.error(`written: ${PICTURE}`);
}
