import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JobFolder, MODEL, textLines, VOCABULARY } from "../support/job_files.js";
import { type Ended, JobProcess, MAIN } from "../support/job_process.js";
import { TestRedis } from "../support/redis.js";
import { DISK, tightDisk } from "../support/tight_disk.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const SHARED = ["--model", MODEL, "--vocabulary", VOCABULARY];

const SMALL = ["--shard-bytes", "600", "--threads", "1"];

let folder: JobFolder;
beforeEach(async () => {
  folder = await JobFolder.open();
});
afterEach(() => folder.remove());

const out = (name: string): string => join(folder.path, name);
const words = (input: string, output: string, ...more: string[]): string[] => [
  ...SHARED,
  ...["--input", input, "--output", out(output), "--shard-bytes", "600", ...more],
];

test("run scores without Redis, and a second run finds everything done", async () => {
  const input = await folder.write("in.txt", (await textLines(60)).join("\n"));
  const first = await new JobProcess("run", ...words(input, "a", "--threads", "1")).end();
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(first.stdout)).toMatchObject({ scored: 60, failed: 0 });
  const second = await new JobProcess("run", ...words(input, "a", "--threads", "1")).end();
  expect(second).toEqual(first);
  const status = await new JobProcess("status", "--output", out("a"), "--json").end();
  expect(JSON.parse(status.stdout)).toMatchObject({ state: "done", share: 1 });
});

test("a fault of the user is one line, with exit code 1", async () => {
  const input = await folder.write("in.txt", "To be\n");
  const missing = await new JobProcess("run", ...words(out("none*.txt"), "a")).end();
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(missing.stderr).toMatch(/^recurra-server: --input: no file matches .*none\*\.txt\n$/);
  const noRedis = await new JobProcess("submit", ...words(input, "a")).end();
  expect(noRedis.stderr).toBe(
    "recurra-server: --redis: expected the address of a Redis, redis://…\n",
  );
});

test(`a full disk is an error, and the old output stays as it was: ${DISK}`, async () => {
  const input = await folder.write("in.txt", (await textLines(400)).join("\n"));
  const disk = await tightDisk();
  const at = (name: string): string => join(disk.inside, name);
  const results = (): Promise<string> => readFile(at("results.jsonl"), "utf8");
  const run = (): Promise<Ended> =>
    disk.run("run", ...SHARED, "--input", input, "--output", disk.folder, ...SMALL);
  try {
    expect(await run()).toMatchObject({ code: 0 });
    const before = await results();
    // The parts fit, the whole does not.
    await rm(at("manifest.json"));
    await disk.leave(20);
    const joining = await run();
    expect(joining.stderr).toBe(
      `recurra-server: ${join(disk.folder, "results.jsonl")}: ${disk.complaint}\n`,
    );
    expect(joining.code).toBe(1);
    expect(await results()).toBe(before);
    expect((await readdir(disk.inside)).filter((name) => name.endsWith(".tmp"))).toEqual([]);

    await rm(at("parts"), { recursive: true });
    await disk.leave(1);
    const scoring = await run();
    expect(scoring.stderr).toMatch(
      new RegExp(`^recurra-server: \\S+/parts/\\d+\\.jsonl: ${disk.complaint}\\n$`),
    );
    expect(scoring.code).toBe(1);
    expect(await results()).toBe(before);

    await disk.leave();
    expect(await run()).toMatchObject({ code: 0 });
    expect(await results()).toBe(before);
  } finally {
    await disk.close();
  }
});

test("the first commands of docs/jobs.md work as they stand", async () => {
  const page = await readFile(join(ROOT, "docs/jobs.md"), "utf8");
  const [, block = ""] = /^```sh\n([\s\S]*?)^```/m.exec(page) ?? [];
  await mkdir(out("node_modules"));
  await symlink(ROOT, out("node_modules/recurra"), "dir");
  const script = block.replaceAll("npx recurra-server", `"${process.execPath}" "${MAIN}"`);
  const { stdout } = await promisify(execFile)("sh", ["-ec", script], { cwd: folder.path });
  const [, line = ""] = stdout.split("\n");
  const [, shown = ""] = /prints `(\{[^`]*)…`/.exec(page) ?? [];
  expect(shown.length).toBeGreaterThan(30);
  expect(line.startsWith(shown)).toBe(true);
});

test("SIGTERM ends a worker and a run while Redis is away; the same command goes on", async () => {
  const input = await folder.write("in.txt", (await textLines(400)).join("\n"));
  const redis = await TestRedis.start();
  const at = ["--redis", redis.url, "--threads", "1", "--lost-after", "1"];
  const alone = await new JobProcess("run", ...words(input, "alone")).end();
  const run = (): JobProcess => new JobProcess("run", ...words(input, "shared", ...at));
  try {
    const both = [new JobProcess("work", ...at), run()];
    while (
      !(await readdir(out("shared/parts")).catch(() => [])).some((name) => /0\.json$/.test(name))
    ) {
      await wait(50);
    }
    await redis.halt();
    for (const each of both) each.child.kill("SIGTERM");
    const [worker, runner] = await Promise.all(both.map((each) => each.end()));
    expect(worker?.code).toBe(0);
    expect(runner?.code).toBe(143);
    expect(runner?.stderr).toContain("the job goes on elsewhere, or with the same command");
    await redis.resume();
    expect(await run().end()).toMatchObject({ code: 0 });
    expect(await folder.read("shared/results.jsonl")).toBe(
      await folder.read("alone/results.jsonl"),
    );
    expect(alone.code).toBe(0);
  } finally {
    await redis.stop();
  }
});

test("workers killed 20 times and Redis twice: no shard is done again, the bytes are those of one process", async () => {
  const lines = await textLines(440);
  const input = await folder.write("in.txt", [...lines, ...lines, ...lines].join("\n"));
  await new JobProcess("run", ...words(input, "alone")).end();
  const expected = await folder.read("alone/results.jsonl");

  const redis = await TestRedis.start();
  const work = (): JobProcess =>
    new JobProcess("work", "--redis", redis.url, "--threads", "1", "--lost-after", "1");
  const workers = [work(), work()];
  try {
    const submit = await new JobProcess(
      "submit",
      ...words(input, "shared", "--redis", redis.url),
    ).end();
    expect(submit).toMatchObject({ code: 0, stderr: "" });
    const id = submit.stdout.trim();
    // The manifests of shards as they were first seen.
    const seen = new Map<string, string>();
    const look = async (): Promise<void> => {
      const names = await readdir(out("shared/parts")).catch(() => []);
      for (const name of names.filter((each) => /^\d+\.json$/.test(each))) {
        const { ino, mtimeMs } = await stat(join(out("shared/parts"), name));
        expect(`${ino} ${mtimeMs}`).toBe(seen.get(name) ?? `${ino} ${mtimeMs}`);
        seen.set(name, `${ino} ${mtimeMs}`);
      }
    };
    for (let kill = 0; kill < 20; kill++) {
      await wait(350);
      await look();
      const at = kill % workers.length;
      await (workers[at] as JobProcess).kill();
      workers[at] = work();
      if (kill % 10 === 4) {
        await redis.halt();
        await wait(500);
        await redis.resume();
      }
    }
    for (;;) {
      const status = await new JobProcess("status", id, "--redis", redis.url, "--json").end();
      const { state } = JSON.parse(status.stdout) as { state: string };
      expect(["waiting", "running", "finishing", "done"]).toContain(state);
      if (state === "done") break;
      await look();
      await wait(500);
    }
    await look();
    expect(seen.size).toBeGreaterThan(60);
    expect(await folder.read("shared/results.jsonl")).toBe(expected);
    expect(await folder.read("shared/errors.jsonl")).toBe("");
    expect((await readdir(out("shared/parts"))).filter((name) => name.endsWith(".tmp"))).toEqual(
      [],
    );
  } finally {
    for (const worker of workers) await worker.kill();
    await redis.stop();
  }
});
