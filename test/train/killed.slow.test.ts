import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/project.js";
import { uniform } from "../support/random.js";

const program = fileURLToPath(new URL("killed_program.mjs", import.meta.url));
const STEPS = 900;
const KILLS = 20;

/** Runs the program; kills it once it has told of so many steps. Returns whether it came to its end, and after how many. */
const run = (
  folder: string,
  after = Number.POSITIVE_INFINITY,
): Promise<{ ended: boolean; told: number }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, folder, String(STEPS)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = 0;
    child.stdout.on("data", (bytes: Buffer) => {
      told += bytes.length;
      if (told >= after) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (signal === null && code !== 0) reject(new Error(`the program ended with ${code}`));
      else resolve({ ended: signal === null, told });
    });
  });

it("a run that is killed at 20 random moments ends with the bits of one that is left alone", async () => {
  const [whole, killed] = [temporaryFolder(), temporaryFolder()];
  expect(await run(whole)).toEqual({ ended: true, told: STEPS });
  const next = uniform(7);
  // In all fewer steps than the run has, also if a signal comes late.
  const most = STEPS / KILLS / 2;
  for (let kill = 0; kill < KILLS; kill++) {
    const after = 1 + Math.floor(((next() + 1) / 2) * most);
    expect((await run(killed, after)).ended, `kill ${kill}`).toBe(false);
  }
  const { ended, told } = await run(killed);
  expect(ended).toBe(true);
  // It went on from a checkpoint.
  expect(told).toBeLessThan(STEPS - KILLS / 2);
  const weights = (folder: string) => readFileSync(join(folder, "weights.safetensors"));
  expect(weights(killed).equals(weights(whole))).toBe(true);
});
