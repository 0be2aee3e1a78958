// The run: all cases with all contenders, then the report.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as cases from "./cases/cases.js";
import { firstModelCase, languageCases } from "./cases/language.js";
import { type Contender, ours, plain, variants } from "./contenders.js";
import { type Options, readOptions } from "./options.js";
import { machine } from "./report/machine.js";
import { draw, publish } from "./report/publish.js";
import { report } from "./report/report.js";
import type { Results } from "./report/results.js";
import { installRivals, rivals } from "./rival_contenders.js";
import { ContenderProcess } from "./timing/contender_process.js";
import { type Entry, type Outcome, timeInterleaved } from "./timing/interleaved.js";
import { firstModels, startUp } from "./timing/start_up.js";

/** The case, as large as the mode has time for. */
function sized(one: cases.Case, mode: Options["mode"]): cases.Case {
  if (mode === "check") return cases.shrunk(one);
  return mode === "quick" && one.work === "score-lines" ? { ...one, m: 500 } : one;
}

const shortened = (one: cases.Case, { lines }: Contender): cases.Case =>
  one.work === "score-lines" && lines !== undefined && lines < one.m ? { ...one, m: lines } : one;

/** Each case with all contenders that do its work; then the series of cases that ours run alone. */
function entries(contenders: readonly Contender[], { mode, only }: Options): Entry[][] {
  const { forwardCases, stepCases, rnnCases, trainCases, mapCases } = cases;
  const shared = [forwardCases, stepCases, rnnCases, trainCases, mapCases, languageCases].flat();
  const takes = ({ works, largest }: Contender, one: cases.Case): boolean =>
    works.includes(one.work) && cases.operations(one) <= (largest ?? Number.POSITIVE_INFINITY);
  const together = shared.map((each) => {
    const one = sized(each, mode);
    return contenders
      .filter((contender) => takes(contender, one))
      .map((contender) => ({ contender, case: shortened(one, contender) }));
  });
  const alone = contenders
    .filter(({ id }) => id === "f64" || id === "f32")
    .flatMap((contender) =>
      [cases.linearInT, cases.linearInM, cases.subnormalCases(contender.precision)].map((series) =>
        series.map((one) => ({ contender, case: sized(one, mode) })),
      ),
    );
  return [...together, ...alone].filter((list) =>
    list.some(({ case: { work, name } }) => `${work} ${name}`.includes(only)),
  );
}

function printFailures(outcomes: readonly Outcome[]): void {
  for (const { contender, case: one, failure } of outcomes) {
    if (failure !== undefined) console.error(`  ${contender} ${one.work} ${one.name}: ${failure}`);
  }
}

async function time(contenders: readonly Contender[], options: Options): Promise<Outcome[]> {
  const processes = new Map<Contender, ContenderProcess>();
  /** A process starts when it is first needed. */
  const processOf = (contender: Contender): ContenderProcess => {
    const process = processes.get(contender) ?? new ContenderProcess(contender);
    processes.set(contender, process);
    return process;
  };
  const folder = mkdtempSync(join(tmpdir(), "recurra-bench-"));
  const outcomes: Outcome[] = [];
  try {
    for (const list of entries(contenders, options)) {
      const [first] = list;
      if (options.mode !== "check") console.error(`${first?.case.work} ${first?.case.name}`);
      const done = await timeInterleaved(list, processOf, folder, options);
      printFailures(done);
      outcomes.push(...done);
    }
    if (`${firstModelCase.work} ${firstModelCase.name}`.includes(options.only)) {
      const done = firstModels(contenders, join(folder, "first"), options);
      printFailures(done);
      outcomes.push(...done);
    }
  } finally {
    for (const process of processes.values()) process.end();
    rmSync(folder, { recursive: true });
  }
  return outcomes;
}

async function run(options: Options): Promise<Results> {
  const contenders = options.rivals ? [...ours, ...variants, plain, ...rivals()] : [...ours, plain];
  const results: Results = {
    machine: machine(options),
    outcomes: await time(contenders, options),
    contenders: contenders.map(({ id, title, precision, kind, works, version }) => {
      return { id, title, precision, kind, works, version };
    }),
  };
  if ("start-up".includes(options.only)) results.startUp = startUp(options.starts);
  return results;
}

async function main(options: Options): Promise<void> {
  if (options.publish) return publish(options.out);
  if (options.draw) return draw();
  if (options.rivals) installRivals();
  const results = await run(options);
  const text = report(results);
  // Only a whole full run can be published.
  const name = options.only !== "" ? "part" : options.mode === "full" ? "latest" : options.mode;
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(options.out, `${name}.md`), text);
  console.log(text);
  console.error(`written: ${options.out}/${name}.json and .md`);
  if (results.outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

await main(readOptions(process.argv.slice(2)));
