import { execFileSync } from "node:child_process";
import { arch, cpus, platform, release } from "node:os";
import type { Options } from "../options.js";
import { environment } from "../timing/contender_process.js";

/** The conditions of a run. */
export interface Machine {
  cpu: string;
  cores: number;
  system: string;
  node: string;
  v8: string;
  commit: string;
  date: string;
  mode: Options["mode"];
  environment: Readonly<Record<string, string>>;
  settings: Pick<Options, "rounds" | "sample" | "warm" | "budget">;
}

function git(...words: string[]): string {
  try {
    return execFileSync("git", words, { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return "";
  }
}

/** What a machine is recorded with. */
type Run = Pick<Options, "mode" | "rounds" | "sample" | "warm" | "budget">;

export function machine({ mode, rounds, sample, warm, budget }: Run): Machine {
  const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " + changes";
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    v8: process.versions.v8,
    commit: `${git("rev-parse", "--short", "HEAD") || "unknown"}${changed}`,
    date: new Date().toISOString().slice(0, 10),
    mode,
    environment,
    settings: { rounds, sample, warm, budget },
  };
}
