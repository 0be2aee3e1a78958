// The run: who is there, all races, the report.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as cases from "./cases/cases.js";
import { languageCases } from "./cases/language.js";
import { type Contender, contenders, rivalsFolder, rivalsInstalled } from "./contenders.js";
import { type Options, readOptions } from "./options.js";
import { coldStart } from "./ours/cold_start.js";
import { Lane } from "./race/lane.js";
import { type Entry, type Outcome, race } from "./race/race.js";
import { machine } from "./report/machine.js";
import { publish } from "./report/publish.js";
import type { Results } from "./report/results.js";
import { report } from "./report/table.js";

const options = readOptions(process.argv.slice(2));

function installRivals(): void {
  if (rivalsInstalled()) return;
  console.error(`bench: npm ci --ignore-scripts in ${rivalsFolder} (about 750 MB) …`);
  const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", words, { cwd: rivalsFolder, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  console.error("bench: the rivals could not be installed; without them: npm run bench -- --quick");
  process.exit(1);
}

/** As large as the mode has time for. */
function sized(one: cases.Case, mode: Options["mode"]): cases.Case {
  if (mode === "check") return cases.shrunk(one);
  return mode === "quick" && one.work === "score-lines" ? { ...one, m: 500 } : one;
}

const shortened = (one: cases.Case, { lines }: Contender): cases.Case =>
  one.work === "score-lines" && lines !== undefined && lines < one.m ? { ...one, m: lines } : one;

/** Each case against everybody who does that work, and our own cases against each other. */
function plan(lanes: readonly Lane[], { mode, only }: Options): Entry[][] {
  const against = [
    ...[...cases.forwardCases, ...cases.stepCases, ...cases.rnnCases, ...cases.trainCases],
    ...[...cases.mapCases, ...languageCases],
  ].map((one) => sized(one, mode));
  const takes = ({ works, largest }: Contender, one: cases.Case): boolean =>
    works.includes(one.work) && cases.operations(one) <= (largest ?? Number.POSITIVE_INFINITY);
  const together = against.map((one) =>
    lanes
      .filter(({ contender }) => takes(contender, one))
      .map((lane) => ({ lane, case: shortened(one, lane.contender) })),
  );
  const alone = lanes
    .filter(({ contender }) => contender.id === "f64" || contender.id === "f32")
    .flatMap((lane) =>
      [cases.linearInT, cases.linearInM, cases.subnormalCases(lane.contender.width)].map((list) =>
        list.map((one) => ({ lane, case: sized(one, mode) })),
      ),
    );
  return [...together, ...alone].filter((entries) =>
    entries.some((entry) => `${entry.case.work} ${entry.case.name}`.includes(only)),
  );
}

function tell(outcomes: readonly Outcome[]): void {
  for (const { contender, case: one, failure } of outcomes) {
    if (failure !== undefined) console.error(`  ${contender} ${one.work} ${one.name}: ${failure}`);
  }
}

async function run(): Promise<Results> {
  const present = contenders(options.rivals);
  const lanes = present.map((contender) => new Lane(contender));
  const folder = mkdtempSync(join(tmpdir(), "recurra-bench-"));
  const outcomes: Outcome[] = [];
  const about = machine(options);
  try {
    for (const entries of plan(lanes, options)) {
      const [first] = entries;
      if (options.mode !== "check") console.error(`${first?.case.work} ${first?.case.name}`);
      const done = await race(entries, folder, options);
      tell(done);
      outcomes.push(...done);
    }
  } finally {
    for (const lane of lanes) lane.end();
    rmSync(folder, { recursive: true });
  }
  const start = "cold start".includes(options.only) ? coldStart(options.starts) : undefined;
  return {
    ...{ machine: about, outcomes },
    contenders: present.map(({ id, title, width, kind, version }) => ({
      ...{ id, title, width, kind },
      ...(version === undefined ? {} : { version }),
    })),
    ...(start === undefined ? {} : { coldStart: start }),
  };
}

if (options.publish) {
  publish(options.out);
} else {
  if (options.rivals) installRivals();
  const results = await run();
  const text = report(results);
  const whole = options.mode === "full" ? "latest" : options.mode;
  const name = options.only === "" ? whole : "part"; // what --publish takes is a whole full run
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(options.out, `${name}.md`), text);
  console.log(text);
  console.error(`written: ${options.out}/${name}.json and .md`);
  if (results.outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}
