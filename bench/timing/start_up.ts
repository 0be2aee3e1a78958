// Times whole processes: how long one lives beside an empty one, and how long the first model of one takes to open.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { firstModelCase, makeReading, writeReading } from "../cases/language.js";
import { type Command, type Contender, node } from "../contenders.js";
import { environment } from "./contender_process.js";
import { messageOf, type Outcome } from "./interleaved.js";
import { type Figures, summarize } from "./statistics.js";

function run([program, ...words]: Command): { nanoseconds: number; stdout: string } {
  const start = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(program, words, {
    env: { ...process.env, ...environment },
  });
  const nanoseconds = Number(process.hrtime.bigint() - start);
  if (status !== 0) throw new Error(`${words.join(" ")}: ${String(stderr).trim()}`);
  return { nanoseconds, stdout: String(stdout) };
}

/** Lives of processes: an empty one, one that scores with a small layer, and one that scores a text with a model. */
export type StartUp = Record<"empty" | "layer" | "text", Figures>;

export function startUp(starts: number): StartUp {
  const scripts = { empty: "ours/empty", layer: "ours/first_score", text: "ours/first_text" };
  const kinds = Object.entries(scripts).map(([kind, script]) => {
    run(node(script)); // brings the files into the system's cache
    return { kind, command: node(script), times: [] as number[] };
  });
  for (let i = 0; i < starts; i++) {
    for (const { command, times } of kinds) times.push(run(command).nanoseconds);
  }
  return Object.fromEntries(kinds.map(({ kind, times }) => [kind, summarize(times)])) as StartUp;
}

/** Opens the first model of a process, engine or runtime included, each time in a new process that reports the time. */
export function firstModels(
  contenders: readonly Contender[],
  folder: string,
  { starts }: { starts: number },
): Outcome[] {
  mkdirSync(folder);
  writeReading(folder, makeReading(firstModelCase));
  const entries = contenders.flatMap(({ id, works, firstModel }) => {
    const outcome: Outcome = { contender: id, case: firstModelCase };
    const opens = firstModel !== undefined && works.includes(firstModelCase.work);
    return opens ? [{ outcome, command: firstModel, times: [] as number[] }] : [];
  });
  for (let i = 0; i < starts; i++) {
    for (const { outcome, command, times } of entries) {
      if (outcome.failure !== undefined) continue;
      try {
        const { stdout } = run([...command, folder] as const);
        const time = Number(stdout.trim().split("\n").at(-1));
        if (!(time > 0)) throw new Error(`expected nanoseconds, got ${JSON.stringify(stdout)}`);
        times.push(time);
      } catch (error) {
        outcome.failure = messageOf(error);
      }
    }
  }
  return entries.map(({ outcome, times }) =>
    outcome.failure === undefined ? { ...outcome, figures: summarize(times) } : outcome,
  );
}
