// The run: who is there, all races, the report.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as cases from "./cases/cases.js";
import { coldOpenCase, languageCases } from "./cases/language.js";
import type { Contender } from "./contender.js";
import { contenders } from "./contenders.js";
import { type Options, readOptions } from "./options.js";
import { machine } from "./report/machine.js";
import { draw, publish } from "./report/publish.js";
import { report } from "./report/report.js";
import type { Results } from "./report/results.js";
import { rivalsFolder, rivalsInstalled } from "./rival_contenders.js";
import { coldStart } from "./timing/cold_start.js";
import { Lane } from "./timing/contender_process.js";
import { coldOpen } from "./timing/first_model.js";
import { type Entry, type Outcome, race } from "./timing/interleaved.js";

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

interface Bout {
  contender: Contender;
  case: cases.Case;
}

/** Each case against everybody who does that work, and our own cases against each other. */
function bouts(present: readonly Contender[], { mode, only }: Options): Bout[][] {
  const against = [
    ...[...cases.forwardCases, ...cases.stepCases, ...cases.rnnCases, ...cases.trainCases],
    ...[...cases.mapCases, ...languageCases],
  ];
  const takes = ({ works, largest }: Contender, one: cases.Case): boolean =>
    works.includes(one.work) && cases.operations(one) <= (largest ?? Number.POSITIVE_INFINITY);
  const together = against.map((one) => {
    const now = sized(one, mode);
    return present
      .filter((contender) => takes(contender, now))
      .map((contender) => ({ contender, case: shortened(now, contender) }));
  });
  const alone = present
    .filter(({ id }) => id === "f64" || id === "f32")
    .flatMap((contender) =>
      [cases.linearInT, cases.linearInM, cases.subnormalCases(contender.width)].map((list) =>
        list.map((one) => ({ contender, case: sized(one, mode) })),
      ),
    );
  return [...together, ...alone].filter((list) =>
    list.some((bout) => `${bout.case.work} ${bout.case.name}`.includes(only)),
  );
}

/** A contender's process starts when it is first needed. */
class Lanes {
  readonly #lanes = new Map<Contender, Lane>();

  of(contender: Contender): Lane {
    const lane = this.#lanes.get(contender) ?? new Lane(contender);
    this.#lanes.set(contender, lane);
    return lane;
  }

  end(): void {
    for (const lane of this.#lanes.values()) lane.end();
  }
}

function tell(outcomes: readonly Outcome[]): void {
  for (const { contender, case: one, failure } of outcomes) {
    if (failure !== undefined) console.error(`  ${contender} ${one.work} ${one.name}: ${failure}`);
  }
}

async function run(): Promise<Results> {
  const present = contenders(options.rivals);
  const lanes = new Lanes();
  const folder = mkdtempSync(join(tmpdir(), "recurra-bench-"));
  const outcomes: Outcome[] = [];
  const about = machine(options);
  try {
    for (const list of bouts(present, options)) {
      const [first] = list;
      if (options.mode !== "check") console.error(`${first?.case.work} ${first?.case.name}`);
      const entries = list.map((bout): Entry => ({ ...bout, lane: lanes.of(bout.contender) }));
      const done = await race(entries, folder, options);
      tell(done);
      outcomes.push(...done);
    }
    if (`${coldOpenCase.work} ${coldOpenCase.name}`.includes(options.only)) {
      const done = coldOpen(present, join(folder, "cold"), options);
      tell(done);
      outcomes.push(...done);
    }
  } finally {
    lanes.end();
    rmSync(folder, { recursive: true });
  }
  const start = "cold start".includes(options.only) ? coldStart(options.starts) : undefined;
  return {
    ...{ machine: about, outcomes },
    contenders: present.map(({ id, title, width, kind, works, version }) => ({
      ...{ id, title, width, kind, works },
      ...(version === undefined ? {} : { version }),
    })),
    ...(start === undefined ? {} : { coldStart: start }),
  };
}

if (options.publish) {
  publish(options.out);
} else if (options.draw) {
  draw();
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
