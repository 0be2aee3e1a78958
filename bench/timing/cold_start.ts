import { spawnSync } from "node:child_process";
import { environment } from "./contender_process.js";
import { type Figures, summarize } from "./statistics.js";

/** Whole lives of processes: an empty one, and one that loads the package and scores once. */
export interface ColdStart {
  empty: Figures;
  first: Figures;
  /** Difference of the medians. */
  milliseconds: number;
}

function life(script: string): number {
  const start = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, [`build/bench/ours/${script}.js`], {
    env: { ...process.env, ...environment },
  });
  if (status !== 0) throw new Error(`${script} ended with ${status}`);
  return Number(process.hrtime.bigint() - start);
}

export function coldStart(starts: number): ColdStart {
  const lives: [number[], number[]] = [[], []];
  life("first_score");
  for (let i = 0; i < starts; i++) {
    lives[0].push(life("empty"));
    lives[1].push(life("first_score"));
  }
  const [empty, first] = [summarize(lives[0]), summarize(lives[1])];
  return { empty, first, milliseconds: (first.median - empty.median) / 1e6 };
}
