// Runs the package in every host that npm and Debian bring, and compares the golden hashes.
// Usage: npm run test:hosts [-- WORD…]   with words, only the rows whose text holds one of them; docs/hosts.md is written by
// a whole run only
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { page } from "./page.mjs";
import { cleanUp, root, server, Unavailable, VERSIONS, within } from "./workshop.mjs";

/** No row may take longer, nor all of them. */
const ROW_SECONDS = 240;
const ALL_SECONDS = 1500;

const ROOMS = ["runtimes", "edge", "bundlers", "runners", "types", "browsers"];
const words = process.argv.slice(2);
const rows = [];
for (const room of ROOMS) rows.push(...(await import(`./${room}.mjs`)).rows);
const chosen = rows.filter(
  ({ host, what }) => words.length === 0 || words.some((word) => `${host}, ${what}`.includes(word)),
);

const deadline = Date.now() + ALL_SECONDS * 1000;
const results = [];
process.on("exit", cleanUp);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
for (const row of chosen) {
  const start = Date.now();
  const result = { ...row, version: (await row.version?.()) ?? VERSIONS[row.tool] ?? "", note: "" };
  try {
    const seconds = Math.min(ROW_SECONDS, (deadline - start) / 1000);
    if (seconds <= 0) throw new Error(`not begun within ${ALL_SECONDS} s`);
    result.note = (await within(seconds, row.what, row.run())) ?? "";
    result.outcome = "passed";
  } catch (error) {
    result.outcome = error instanceof Unavailable ? "skipped" : "failed";
    result.note = error.message;
  }
  results.push(result);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const note = result.outcome === "passed" ? "" : `: ${result.note}`;
  console.log(
    `${result.outcome}  ${row.host} ${result.version}, ${row.what} (${seconds} s)${note}`,
  );
}
server.close();

const text = page(results);
console.log(`\n${text.table}`);
if (words.length === 0) writeFileSync(join(root, "docs/hosts.md"), text.page);
const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
console.log(
  `\nhosts: ${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`,
);
process.exit(count("failed") === 0 && count("passed") > 0 ? 0 : 1);
