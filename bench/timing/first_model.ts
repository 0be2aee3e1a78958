// The first model that a process opens, engine or runtime included: each time in a new process, which tells its time.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { coldOpenCase, makeReading, writeReading } from "../cases/language.js";
import type { Contender } from "../contender.js";
import { environment } from "./contender_process.js";
import type { Outcome } from "./interleaved.js";
import { summarize } from "./statistics.js";

/** Nanoseconds. */
function opened([command, ...words]: [string, ...string[]], folder: string): number {
  const { status, stdout, stderr } = spawnSync(command, [...words, folder], {
    env: { ...process.env, ...environment },
  });
  const time = Number(String(stdout).trim().split("\n").at(-1));
  if (status !== 0 || !(time > 0)) throw new Error(`the first model: ${String(stderr).trim()}`);
  return time;
}

export function coldOpen(
  present: readonly Contender[],
  folder: string,
  { starts }: { starts: number },
): Outcome[] {
  mkdirSync(folder);
  writeReading(folder, makeReading(coldOpenCase));
  const done = present.flatMap(({ id, works, first }) => {
    const outcome: Outcome = { contender: id, case: coldOpenCase };
    const opens = first !== undefined && works.includes(coldOpenCase.work);
    return opens ? [{ outcome, first, times: [] as number[] }] : [];
  });
  for (let i = 0; i < starts; i++) {
    for (const { outcome, first, times } of done) {
      try {
        if (outcome.failure === undefined) times.push(opened(first, folder));
      } catch (error) {
        outcome.failure = error instanceof Error ? error.message : String(error);
      }
    }
  }
  return done.map(({ outcome, times }) =>
    outcome.failure === undefined ? { ...outcome, figures: summarize(times) } : outcome,
  );
}
