import { spawn } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";
import { command, recurra } from "../support/command.js";

/** Records over several lines, empty lines, and a line in a hundred that cannot be scored. */
export function records(count: number): string {
  const all = Array.from({ length: count }, (_, i) => {
    const text = "abcd ".repeat(1 + (i % 9)).slice(i % 4);
    const note = `n\n${"x".repeat(i % 3)}`;
    return `${i},"${i % 100 === 50 ? "?" : text}","${note}"\n${i % 7 === 0 ? "\n" : ""}`;
  });
  return `id,text,note\n${all.join("")}`;
}

interface Killing {
  readonly args: readonly string[];
  readonly folder: string;
  /** The file that the command writes, and the bytes that it is to have at the end. */
  readonly name: string;
  readonly want: Buffer;
  readonly moments: number;
  readonly seed: number;
}

/** Starts the command and kills it when its file has reached a size; returns whether it was killed. */
function isKilledAt(size: number, { args, folder, name }: Killing): Promise<boolean> {
  const child = spawn(process.execPath, [command, ...args], { cwd: folder });
  const watch = setInterval(() => {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    if ((found?.size ?? 0) >= size) child.kill("SIGKILL");
  }, 1);
  return new Promise((resolve) => {
    child.on("close", (_, signal) => {
      clearInterval(watch);
      resolve(signal === "SIGKILL");
    });
  });
}

/** Kills a command at random moments, starts it again each time, and lets it end. */
export async function expectSurvives(killing: Killing): Promise<void> {
  const { args, folder, name, want, moments, seed } = killing;
  const bytes = (): Buffer => readFileSync(join(folder, name));
  const size = fc.integer({ min: 0, max: Math.floor(0.95 * want.length) });
  rmSync(join(folder, name), { force: true });
  let killed = 0;
  for (const at of fc.sample(size, { numRuns: moments, seed }).sort((a, b) => a - b)) {
    if (await isKilledAt(at, killing)) killed++;
    // What is there is the beginning of the whole.
    const isThere = statSync(join(folder, name), { throwIfNoEntry: false }) !== undefined;
    if (isThere) expect(bytes().equals(want.subarray(0, bytes().length))).toBe(true);
  }
  expect(killed).toBeGreaterThan(0);
  expect(recurra(args, "", folder).status).toBe(0);
  expect(bytes().equals(want)).toBe(true);
}
