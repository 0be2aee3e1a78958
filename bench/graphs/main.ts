// npm run bench:graphs: Silero VAD, chunk by chunk, against those who run it today.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../report/machine.js";
import { writeBetween } from "../report/publish.js";
import { installRivals } from "../rival_contenders.js";
import { versionOf } from "../rivals/modules.js";
import { ours, rivals } from "./contenders.js";
import { models } from "./models.js";
import { type GraphResults, report } from "./report.js";
import { firstOpens, type Outcome, TOLERANCE, time } from "./timing.js";

const usage = `npm run bench:graphs               with the rivals (installs them first)
npm run bench:graphs -- --quick    without rivals
npm run bench:graphs -- --check    without rivals; the outputs are checked, the times mean nothing
npm run bench:graphs -- --publish  writes docs/performance.md from the last run with rivals
  --out <folder>      the folder for the results (default: bench/results)`;

const RIVALS = ["onnxruntime-node", "onnxruntime-web", "@ricky0123/vad-web"];
const MODES = {
  full: { rounds: 60, starts: 21 },
  quick: { rounds: 30, starts: 9 },
  check: { rounds: 1, starts: 1 },
} as const;

async function run(mode: keyof typeof MODES): Promise<GraphResults> {
  const { rounds, starts } = MODES[mode];
  const isFull = mode === "full";
  if (isFull) installRivals();
  const outcomes: Outcome[] = [];
  for (const model of models(isFull)) {
    // onnxruntime-node first: where no probabilities are known, its are.
    const contenders = [...(isFull ? await rivals(model) : []), ...ours(model)];
    outcomes.push(...(await time(model, contenders, rounds)));
  }
  const opened = isFull ? (["v5", "v4"] as const) : (["v5"] as const);
  const runtimes = isFull ? RIVALS.slice(0, 2) : [];
  return {
    machine: machine({ mode, rounds, sample: 0, warm: 0, budget: 0 }),
    outcomes,
    opens: opened.flatMap((name) => firstOpens(name, ["f32", ...runtimes], starts)),
    versions: isFull ? Object.fromEntries(RIVALS.map((name) => [name, versionOf(name)])) : {},
  };
}

const flag = { type: "boolean", default: false } as const;
const { values } = parseArgs({
  options: {
    ...{ quick: flag, check: flag, publish: flag, help: flag },
    out: { type: "string", default: "bench/results" },
  },
});
if (values.help) console.log(usage);
else if (values.publish) {
  const results = JSON.parse(readFileSync(join(values.out, "graphs.json"), "utf8"));
  writeBetween("graphs", report(results));
} else {
  const mode = values.check ? "check" : values.quick ? "quick" : "full";
  const results = await run(mode);
  const text = report(results);
  const name = mode === "full" ? "graphs" : `graphs-${mode}`;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(values.out, `${name}.md`), text);
  console.log(text);
  const wrong = results.outcomes.filter(({ error }) => !(error <= TOLERANCE));
  for (const { title, error } of wrong) console.error(`${title}: off by ${error}: not timed`);
  // onnxruntime's threads would keep the process.
  process.exit(wrong.length > 0 ? 1 : 0);
}
