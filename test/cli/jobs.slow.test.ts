import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelFolder, preloaded, Running, recurra } from "../support/command.js";
import { root } from "../support/project.js";

const folder = modelFolder();
const ARGS = ["score", "--json", "--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
const LINE = `${"abcd".repeat(100)}\n`;
writeFileSync(join(folder, "short.txt"), LINE.repeat(100));
writeFileSync(join(folder, "long.txt"), LINE.repeat(10_000));
const SHAKESPEARE = `${root}test/fixtures/shakespeare/`;
// 60,000 tokens times 280,897 weights.
writeFileSync(join(folder, "text.txt"), readFileSync(`${SHAKESPEARE}text.txt`, "utf8").repeat(3));

/** Tells on stderr how many workers were started. */
const COUNTING = `
  import threads from "node:worker_threads";
  let count = 0;
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(...operands) {
      super(...operands);
      count++;
    }
  };
  if (threads.isMainThread) process.on("exit", () => process.stderr.write(\`workers: \${count}\\n\`));`;
const WITHOUT = `${COUNTING}
  process.getBuiltinModule = undefined;`;

const counted = (args: readonly string[], script = COUNTING) => {
  const { status, stdout, stderr } = preloaded(script, [...ARGS, ...args], folder);
  return { status, stdout, workers: /workers: (\d+)/.exec(stderr)?.[1], stderr };
};

describe("--jobs", () => {
  it("starts as many workers as it says, none for one; the same bytes", () => {
    const one = counted(["short.txt", "--jobs", "1"]);
    expect([one.status, one.workers, one.stdout.split("\n").length]).toEqual([0, "0", 101]);
    for (const jobs of ["2", "3"]) {
      const more = counted(["short.txt", "--jobs", jobs]);
      expect([more.status, more.workers]).toEqual([0, jobs]);
      expect(more.stdout).toBe(one.stdout);
    }
  });

  it("without it: none for a short input; for a long one as many as there are cores, from some line on", () => {
    expect(counted(["short.txt"])).toMatchObject({ status: 0, workers: "0" });
    const cores = `
      import os from "node:os";
      import { syncBuiltinESMExports } from "node:module";
      os.availableParallelism = () => 3;
      syncBuiltinESMExports();`;
    const model = ["--model", `${SHAKESPEARE}model.safetensors`];
    const args = [
      "text.txt",
      "--precision",
      "f32",
      ...model,
      "--vocabulary",
      `${SHAKESPEARE}vocab.json`,
    ];
    const long = counted(args, cores + COUNTING);
    expect([long.status, long.workers]).toEqual([0, "3"]);
    expect(long.stdout).toBe(counted([...args, "--jobs", "1"]).stdout);
    // Node before 20.16 has no way to them.
    const none = counted(args, cores + WITHOUT);
    expect([none.status, none.workers]).toEqual([0, "0"]);
    expect(none.stdout).toBe(long.stdout);
  });

  it("where there are no workers: an error if they were asked for", () => {
    const { status, stderr } = counted(["short.txt", "--jobs", "2"], WITHOUT);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^recurra: createPool: this host has no workers/);
  });

  it("an error of a line, and one of the whole input, are the same as on one core", () => {
    const input = `${LINE.repeat(300)}ab?\n${LINE}`;
    for (const onError of ["fail", "skip", "report"]) {
      const args = [...ARGS, "--on-error", onError, "--jobs"];
      const [one, two] = ["1", "2"].map((jobs) => recurra([...args, jobs], input, folder));
      expect(two).toEqual(one);
      expect(one?.status).toBe(onError === "fail" ? 1 : 0);
    }
  });

  it("Ctrl-C: what was done is there, and how much it is", async () => {
    const running = new Running([...ARGS, "--jobs", "2", "long.txt"], folder);
    await running.lines(300);
    running.process.kill("SIGINT");
    const { status, stdout, stderr } = await running.ended;
    const lines = stdout.split("\n").slice(0, -1);
    lines.forEach((line, i) => {
      expect(JSON.parse(line).line).toBe(i + 1);
    });
    expect(status).toBe(130);
    expect(stderr).toBe(`recurra: interrupted: ${lines.length} lines scored\n`);
  });

  it("a live source: each line is scored as soon as it arrives", async () => {
    const running = new Running([...ARGS, "--jobs", "2"], folder);
    for (let n = 1; n <= 3; n++) {
      running.process.stdin.write(LINE);
      await running.lines(n);
    }
    running.process.stdin.end();
    expect((await running.ended).status).toBe(0);
  });
});
