// npm run bench -- train: whole steps of training against those who train elsewhere.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../report/machine.js";
import { writeBetween } from "../report/publish.js";
import { installRivals } from "../rival_contenders.js";
import { type Contender, ours, rivals } from "./contenders.js";
import { CASES } from "./network.js";
import { report, type TrainResults } from "./report.js";
import { type Outcome, type Settings, time } from "./timing.js";

const usage = `npm run bench -- train             with the rivals (installs them first; some minutes)
npm run bench -- train --quick     without rivals
npm run bench -- train --check     the losses are checked; the times mean nothing
npm run bench -- train --publish   writes docs/performance.md from the last run with rivals
  --only <text>       only cases and contenders that contain the text: "large", "small f64"
  --rivals            with the rivals, in --quick and --check too
  --out <folder>      the folder for the results (default: bench/results)`;

const MODES: Readonly<Record<"full" | "quick" | "check", Settings>> = {
  full: { rounds: 21, sample: 200, warm: 600, budget: 20_000 },
  quick: { rounds: 9, sample: 60, warm: 200, budget: 3000 },
  check: { rounds: 1, sample: 0, warm: 0, budget: 0 },
};

const flag = { type: "boolean", default: false } as const;
const { values } = parseArgs({
  options: {
    ...{ quick: flag, check: flag, publish: flag, rivals: flag, help: flag },
    only: { type: "string", default: "" },
    out: { type: "string", default: "bench/results" },
  },
});

async function run(mode: keyof typeof MODES): Promise<TrainResults> {
  const settings = MODES[mode];
  const hasRivals = mode === "full" || values.rivals;
  if (hasRivals) installRivals();
  const contenders: readonly Contender[] = [...ours, ...(hasRivals ? rivals() : [])];
  const outcomes: Outcome[] = [];
  const words = values.only.split(" ").filter((word) => word !== "");
  for (const one of CASES) {
    // Plain JavaScript's losses are the right ones: it is never left out.
    const chosen = contenders.filter(
      ({ id }) => id === "plain" || words.every((word) => one.name === word || id.includes(word)),
    );
    if (words.some((word) => CASES.some(({ name }) => name === word) && word !== one.name))
      continue;
    console.error(one.title);
    outcomes.push(...(await time(one, chosen, settings)));
  }
  const versions = contenders.flatMap(({ id, version }) => (version ? [[id, version]] : []));
  return {
    machine: machine({ mode, ...settings }),
    outcomes,
    versions: Object.fromEntries(versions),
  };
}

if (values.help) console.log(usage);
else if (values.publish) {
  const results = JSON.parse(readFileSync(join(values.out, "train.json"), "utf8"));
  writeBetween("train", report(results));
} else {
  const mode = values.check ? "check" : values.quick ? "quick" : "full";
  const results = await run(mode);
  const text = report(results);
  const name = mode === "full" && values.only === "" ? "train" : `train-${mode}`;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(values.out, `${name}.md`), text);
  console.log(text);
  const failed = results.outcomes.filter(({ failure }) => failure !== undefined);
  for (const { title, failure } of failed) console.error(`${title}: ${failure}`);
  process.exit(failed.length > 0 ? 1 : 0);
}
