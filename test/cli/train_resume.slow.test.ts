import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { command, Running, recurra } from "../support/command.js";
import { temporaryFolder } from "../support/project.js";
import { SMALL, TABLE, TEXT } from "./training.js";

const folder = temporaryFolder();
const bytes = (name: string): Buffer => readFileSync(join(folder, name));
const STEPS = 400;

beforeAll(() => {
  writeFileSync(join(folder, "text.txt"), TEXT);
  writeFileSync(join(folder, "data.csv"), TABLE);
});

const text = (out: string): string[] => [
  ...["train", "text.txt", "--out", out, "--steps", String(STEPS), ...SMALL],
  ...["--checkpoint-every", "10", "--seed", "3"],
];
const table = (out: string): string[] => [
  ...["train", "data.csv", "--target", "price", "--out", out, "--hidden-size", "96"],
  ...["--epochs", "120", "--checkpoint-every", "9", "--patience", "40"],
];

/** Steps in a history. */
function stepsOf(run: string): number {
  const file = join(folder, run, "history.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

/** Starts a command and kills it when its run has reached a step; returns whether it was killed. */
function isKilledAt(args: readonly string[], run: string, step: number): Promise<boolean> {
  const child = spawn(process.execPath, [command, ...args], { cwd: folder });
  const watch = setInterval(() => {
    if (stepsOf(run) >= step) child.kill("SIGKILL");
  }, 1);
  return new Promise((resolve) => {
    child.on("close", (_, signal) => {
      clearInterval(watch);
      resolve(signal === "SIGKILL");
    });
  });
}

describe("recurra train, killed at random moments and resumed", () => {
  it.each([
    ["a text", text, 12],
    ["a table", table, 8],
  ] as const)(
    "%s: model and history have the bytes of an undisturbed run",
    async (name, args, moments) => {
      const whole = recurra(args("whole.safetensors"), "", folder);
      expect(whole.status).toBe(0);
      // The table stops early, also when it was killed after that.
      const end = stepsOf("whole.run");
      const run = args(`${name}.safetensors`);
      const steps = fc.sample(fc.integer({ min: 1, max: end - 1 }), { numRuns: moments, seed: 7 });
      let killed = 0;
      for (const step of steps.sort((a, b) => a - b)) {
        const again = existsSync(join(folder, `${name}.run/settings.json`)) && killed > 0;
        const resumed = again ? [...run, "--resume"] : [...run, "--overwrite"];
        if (await isKilledAt(resumed, `${name}.run`, step)) killed++;
      }
      expect(killed).toBeGreaterThan(moments / 2);
      const { status, stdout } = recurra([...run, "--resume"], "", folder);
      expect([status, stdout.split("\n")[0]]).toEqual([0, whole.stdout.split("\n")[0]]);
      expect(bytes(`${name}.safetensors`).equals(bytes("whole.safetensors"))).toBe(true);
      expect(bytes(`${name}.run/history.jsonl`).equals(bytes("whole.run/history.jsonl"))).toBe(
        true,
      );
      expect(bytes(`${name}.run/result.json`).equals(bytes("whole.run/result.json"))).toBe(true);
    },
  );

  it("Ctrl-C saves, and says how to go on: that command ends with the same bytes", async () => {
    const name = "stopped.safetensors";
    const running = new Running(text(name), folder);
    while (stepsOf("stopped.run") < 40) await new Promise((resolve) => setTimeout(resolve, 5));
    running.process.kill("SIGINT");
    const { status, stdout, stderr } = await running.ended;
    expect([status, stdout]).toEqual([130, ""]);
    const [, done = "", again = ""] =
      /interrupted after step (\d+) of 400; go on with\n {2}recurra (.*)\n$/.exec(stderr) ?? [];
    expect(Number(done)).toBeLessThan(STEPS);
    expect(stepsOf("stopped.run")).toBe(Number(done));
    const refused = recurra(text(name), "", folder);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("pass --resume")]);
    expect(recurra(again.split(" "), "", folder).status).toBe(0);
    recurra(text("plain.safetensors"), "", folder);
    expect(bytes(name).equals(bytes("plain.safetensors"))).toBe(true);
  });
});
