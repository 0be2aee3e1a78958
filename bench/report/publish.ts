import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { picture } from "./picture.js";
import type { Results } from "./results.js";
import { report } from "./table.js";

const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

/** Writes the last full run into docs/performance.md, between its marks, and draws docs/performance.svg. */
export function publish(folder: string): void {
  const results: Results = JSON.parse(readFileSync(join(folder, "latest.json"), "utf8"));
  const page = "docs/performance.md";
  const text = readFileSync(page, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${page}: no ${BEGIN} … ${END}`);
  const head = text.slice(0, begin + BEGIN.length);
  writeFileSync(page, `${head}\n\n${report(results)}\n${text.slice(end)}`);
  writeFileSync("docs/performance.svg", picture(results));
  console.error(`written: ${page} and docs/performance.svg`);
}
