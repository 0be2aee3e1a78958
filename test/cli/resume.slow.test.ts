import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { command, modelFolder, preloaded, recurra } from "../support/command.js";
import { saying } from "../support/errors.js";
import { expectSurvives, records } from "./killed.js";

const folder = modelFolder();
const MODEL = ["--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
const ARGS = ["score", "--json", ...MODEL];
const path = (name: string): string => join(folder, name);
const bytesOf = (name: string): Buffer => readFileSync(path(name));
const run = (...args: string[]) => recurra([...ARGS, ...args], "", folder);

writeFileSync(path("records.csv"), records(3000));
const INPUT = ["records.csv", "--with", "id,note", "--on-error", "report"];

/** The bytes of a run that nothing disturbed, on one core. */
const whole = (name: string): Buffer => {
  expect(run(...INPUT, "--jobs", "1", "--out", name)).toMatchObject({ status: 0 });
  return bytesOf(name);
};
const plain = whole("whole.jsonl");
const gzip = whole("whole.jsonl.gz");

/** Writes the beginning of a file, and lets a run continue it. */
function continued(name: string, start: Uint8Array, ...args: string[]) {
  writeFileSync(path(name), start);
  const said = run(...INPUT, "--out", name, "--resume", ...args);
  return { ...said, bytes: bytesOf(name) };
}

describe("--out", () => {
  it("writes what standard output would hold, and prints nothing", () => {
    const { stdout } = run(...INPUT);
    expect(plain.toString()).toBe(stdout);
    expect(plain.length).toBeGreaterThan(262_144);
    expect(run("records.csv", "--on-error", "skip", "--out", "short.jsonl").stdout).toBe("");
  });

  it("also a table, with its sum; a file that is there is replaced", () => {
    writeFileSync(path("lines.txt"), "abba\ncab\n");
    writeFileSync(path("table.txt"), "x".repeat(1000));
    const args = ["score", "lines.txt", ...MODEL];
    const { stdout } = recurra(args, "", folder);
    expect(recurra([...args, "--out", "table.txt"], "", folder).stdout).toBe("");
    expect(bytesOf("table.txt").toString()).toBe(stdout);
  });

  it(".gz: gzip's members of whole lines, each with its length, the same bytes at every run", () => {
    expect(gunzipSync(gzip).equals(plain)).toBe(true);
    expect(whole("again.jsonl.gz").equals(gzip)).toBe(true);
    const lengths: number[] = [];
    for (let at = 0; at < gzip.length; at += lengths.at(-1) as number) {
      lengths.push(gzip.readUInt32LE(at + 16));
      const text = gunzipSync(gzip.subarray(at, at + (lengths.at(-1) as number))).toString();
      expect(text.endsWith("\n")).toBe(true);
    }
    expect(lengths.length).toBe(Math.ceil(plain.length / 262_144));
  });

  it("of no lines: an empty file, or gzip's of no bytes", () => {
    writeFileSync(path("nothing.txt"), "");
    for (const resume of [[], ["--resume"], ["--resume"]]) {
      expect(run("nothing.txt", "--out", "none.jsonl", ...resume).status).toBe(0);
      expect(run("nothing.txt", "--out", "none.jsonl.gz", ...resume).status).toBe(0);
      expect(bytesOf("none.jsonl")).toHaveLength(0);
      expect(gunzipSync(bytesOf("none.jsonl.gz"))).toHaveLength(0);
    }
  });

  it.each([
    [["--out", "folder/none.jsonl"], "folder/none.jsonl: there is no such file"],
    [["--out", "."], ".: expected a file, got a folder"],
  ])("%j cannot be written: exit 1", (args, message) => {
    expect(run("lines.txt", ...args)).toMatchObject({ status: 1, stderr: `recurra: ${message}\n` });
  });

  it("a disk that writes nothing stops the command: it reads no more than 1.5 of 8 MB", () => {
    // Writes never end. A command that waits for them has nothing else to do: its process ends with exit code 13.
    const script = `
      import fs from "node:fs";
      import promises from "node:fs/promises";
      import { syncBuiltinESMExports } from "node:module";
      const { createReadStream } = fs;
      fs.createReadStream = (...operands) => {
        const stream = createReadStream(...operands);
        process.on("exit", () => fs.writeSync(2, String(stream.bytesRead)));
        return stream;
      };
      const { open } = promises;
      promises.open = async (...operands) => {
        const file = await open(...operands);
        file.write = () => new Promise(() => {});
        return file;
      };
      syncBuiltinESMExports();`;
    writeFileSync(path("many.txt"), `${"abcd".repeat(20)}\n`.repeat(100_000));
    const args = [...ARGS, "many.txt", "--out", "slow.jsonl", "--jobs", "1"];
    const { status, stderr } = preloaded(script, args, folder);
    expect(status).toBe(13);
    const taken = Number(/^\d+/.exec(stderr)?.[0]);
    expect(taken).toBeGreaterThan(500_000);
    expect(taken).toBeLessThanOrEqual(1_500_000);
  });

  it("a full disk is an error, and exit 1", () => {
    if (!existsSync("/dev/full")) return;
    const { status, stderr } = run("records.csv", "--on-error", "skip", "--out", "/dev/full");
    expect([status, stderr]).toEqual([1, "recurra: /dev/full: the disk is full\n"]);
  });
});

describe("--resume", () => {
  const lineAt = (n: number) => plain.toString().split("\n").slice(0, n).join("\n").length + 1;

  it.each([
    ["a part of the first line", 7],
    ["one line", lineAt(1)],
    ["a line without its newline", lineAt(20) - 1],
    ["some lines", lineAt(1500)],
    ["lines up to an error", lineAt(51)],
    ["all but a byte", plain.length - 1],
    ["everything", plain.length],
  ])("of a file that holds %s: the bytes of an undisturbed run", (_, end) => {
    const { status, bytes } = continued("plain.jsonl", plain.subarray(0, end));
    expect(status).toBe(0);
    expect(bytes.equals(plain)).toBe(true);
  });

  const second = gzip.readUInt32LE(16);
  it.each([
    ["a part of a header", 15],
    ["a part of the first member", 1000],
    ["one member", second],
    ["one member and a part of a header", second + 19],
    ["one member and its successor's header", second + 20],
    ["all but a byte", gzip.length - 1],
    ["everything", gzip.length],
  ])("of a compressed file that holds %s: the same", (_, end) => {
    const { status, bytes } = continued("plain.jsonl.gz", gzip.subarray(0, end));
    expect(status).toBe(0);
    expect(bytes.equals(gzip)).toBe(true);
  });

  it("of a file that is not there: a new one", () => {
    rmSync(path("plain.jsonl"), { force: true });
    expect(run(...INPUT, "--out", "plain.jsonl", "--resume").status).toBe(0);
    expect(bytesOf("plain.jsonl").equals(plain)).toBe(true);
  });

  it("by two workers, of standard input, and of a compressed input", () => {
    const start = plain.subarray(0, lineAt(1000));
    expect(continued("jobs.jsonl", start, "--jobs", "2").bytes.equals(plain)).toBe(true);
    writeFileSync(path("piped.jsonl"), start);
    const args = [...ARGS, "--format", "csv", "--with", "id,note", "--on-error", "report"];
    const input = bytesOf("records.csv").toString();
    recurra([...args, "--out", "piped.jsonl", "--resume"], input, folder);
    // Errors name the input: they differ.
    const scores = (bytes: Buffer) =>
      bytes
        .toString()
        .split("\n")
        .filter((l) => !/"error"/.test(l));
    expect(scores(bytesOf("piped.jsonl"))).toEqual(scores(plain));
  });

  it("a line with its own tokens, longer than what is read at a time", () => {
    writeFileSync(path("long.txt"), `ab\n${"abcd".repeat(5000)}\n${"abc".repeat(5000)}\n`);
    const args = ["long.txt", "--per-token", "--out", "long.jsonl"];
    run(...args);
    const all = bytesOf("long.jsonl");
    expect(all.length).toBeGreaterThan(8 * 65_536);
    for (const end of [all.length, all.length - 5, all.length - 300_000, 300_000]) {
      writeFileSync(path("long.jsonl"), all.subarray(0, end));
      expect(run(...args, "--resume").status).toBe(0);
      expect(bytesOf("long.jsonl").equals(all)).toBe(true);
    }
  });

  it.each([
    [
      "another model or precision",
      plain.subarray(0, lineAt(30)),
      ["--precision", "f32"],
      "out.jsonl: --resume: this run gives another result for line …: it comes from another input, another model or other options",
    ],
    [
      "an input with fewer lines",
      Buffer.from(`${plain.toString().split("\n")[0]}\n`.replace(/"line":\d+/, '"line":99999')),
      [],
      "out.jsonl: --resume: it ends with line 99999, which records.csv does not have: …",
    ],
    [
      "other text",
      Buffer.from("a\nb\n"),
      [],
      "out.jsonl: --resume: its last line was not written by score --json",
    ],
  ] as const)("refuses a file of %s, which keeps its bytes", (_, start, args, message) => {
    const { status, stderr, bytes } = continued("out.jsonl", start, ...args);
    expect(stderr).toMatch(saying(`recurra: ${message}\n`));
    expect(status).toBe(1);
    expect(bytes.equals(start)).toBe(true);
  });

  it("refuses a compressed file that it has not written", () => {
    writeFileSync(
      path("other.gz"),
      Buffer.from("1f8b0800000000000003030000000000000000000000", "hex"),
    );
    const { status, stderr } = run(...INPUT, "--out", "other.gz", "--resume");
    expect([status, stderr]).toEqual([
      1,
      "recurra: other.gz: --resume: it was not written by score --out\n",
    ]);
  });
});

describe("a process that is killed again and again", () => {
  it.each([
    ["killed.jsonl", plain, "2"],
    ["killed.jsonl.gz", gzip, "1"],
  ] as const)(
    "%s: resumed to its end it has the bytes of an undisturbed run",
    async (name, want, jobs) => {
      const args = [...ARGS, ...INPUT, "--jobs", jobs, "--out", name, "--resume"];
      await expectSurvives({ args, folder, name, want, moments: 3, seed: 9 });
    },
  );

  it("Ctrl-C, too: what was scored is in the file, also in a compressed one", async () => {
    for (const [name, want] of [
      ["stopped.jsonl", plain],
      ["stopped.jsonl.gz", gzip],
    ] as const) {
      const args = [...INPUT, "--out", name, "--resume"];
      const child = spawn(process.execPath, [command, ...ARGS, ...args], { cwd: folder });
      let stderr = "";
      child.stderr.on("data", (data) => {
        stderr += data;
      });
      const watch = setInterval(() => {
        if ((statSync(path(name), { throwIfNoEntry: false })?.size ?? 0) === 0) return;
        clearInterval(watch);
        child.kill("SIGINT");
      }, 1);
      const status = await new Promise((resolve) => child.on("close", resolve));
      clearInterval(watch);
      const there = name.endsWith("gz") ? gunzipSync(bytesOf(name)) : bytesOf(name);
      expect(there.equals(plain.subarray(0, there.length))).toBe(true);
      expect(there.at(-1)).toBe(10);
      if (status === 130) expect(stderr).toMatch(/interrupted: \d+ lines scored\n$/);
      else expect(status).toBe(0);
      expect(run(...args).status).toBe(0);
      expect(bytesOf(name).equals(want)).toBe(true);
    }
  });
});

describe("options that do not go together: exit 2", () => {
  it.each([
    [["--resume"], "--resume: needs --out FILE, the file to continue"],
    [["--out", "x", "--with", "id"], "--with: lines of text have no fields: …"],
    [["--format", "csv", "--with", "line"], '--with: "line" is a field of the output already'],
    [["--jobs", "0"], '--jobs: expected a number from 1 to 256, got "0"'],
    [["--jobs", "two"], '--jobs: expected a number from 1 to 256, got "two"'],
    [["lines.txt", "--out", "lines.txt"], "--out: lines.txt is the input"],
  ])("%j", (args, message) => {
    const before = bytesOf("lines.txt");
    const { status, stderr } = run(...args);
    expect(stderr).toMatch(saying(`recurra: ${message}\n`));
    expect(status).toBe(2);
    expect(bytesOf("lines.txt").equals(before)).toBe(true);
  });

  it.each([
    [["--out", "x", "--resume"], "--resume: only the lines of --json can be continued"],
    [["--format", "csv", "--with", "id"], "--with: fields are passed through with --json only"],
  ])("%j without --json", (args, message) => {
    const { status, stderr } = recurra(["score", ...MODEL, ...args], "", folder);
    expect([status, stderr]).toEqual([2, `recurra: ${message}\n`]);
  });
});
