import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelFolder, preloaded, Running, shell } from "../support/command.js";
import { saying } from "../support/errors.js";

const folder = modelFolder();
const ARGS = ["score", "--json", "--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
const LINE = `${"abcd".repeat(10)}\n`;
const MODEL = ARGS.slice(2).join(" ");
writeFileSync(join(folder, "lines.txt"), LINE.repeat(20_000));

/** Feeds lines as fast as they are taken, until the command is gone. */
function feed({ process: child }: Running): void {
  const chunk = LINE.repeat(50);
  const more = (): void => {
    while (child.stdin.writable && child.stdin.write(chunk)) {
      // The pipe takes more.
    }
  };
  child.stdin.on("drain", more);
  more();
}

/** Whole lines of JSON, numbered from 1. */
function linesOf(stdout: string): number {
  expect(stdout.endsWith("\n")).toBe(true);
  const lines = stdout.slice(0, -1).split("\n");
  lines.forEach((line, i) => {
    expect(JSON.parse(line).line).toBe(i + 1);
  });
  return lines.length;
}

describe("Ctrl-C", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s in mid-run: what was done is there, and how much it is", async (signal, code) => {
    const running = new Running(ARGS, folder);
    feed(running);
    await running.lines(300);
    running.process.kill(signal);
    const { status, stdout, stderr } = await running.ended;
    expect(status).toBe(code);
    expect(stderr).toBe(`recurra: interrupted: ${linesOf(stdout)} lines scored\n`);
  });

  it("while it waits for more", async () => {
    const running = new Running(ARGS, folder);
    running.process.stdin.write(LINE.repeat(3));
    await running.lines(3);
    running.process.kill("SIGINT");
    const { status, stdout, stderr } = await running.ended;
    expect([status, linesOf(stdout)]).toEqual([130, 3]);
    expect(stderr).toMatch(saying("recurra: interrupted: 3 …\n"));
  });

  it.each([
    ["jsonl", '{"text":"abba"}\n{"text":"cab"}\n', 2],
    // The parser looks one character ahead: the last row waits for what follows.
    ["csv", "text\nabba\ncab\n", 1],
  ] as const)("while it waits for more %s", async (format, lines, done) => {
    const running = new Running([...ARGS, "--format", format, "--field", "text"], folder);
    running.process.stdin.write(lines);
    await running.lines(done);
    running.process.kill("SIGINT");
    const { status, stderr } = await running.ended;
    expect(status).toBe(130);
    expect(stderr).toMatch(saying(`recurra: interrupted: ${done} …\n`));
  });

  it("a table ends with the sum of the lines so far", async () => {
    const running = new Running(
      ARGS.filter((arg) => arg !== "--json"),
      folder,
    );
    running.process.stdin.write(LINE.repeat(2));
    await running.lines(3);
    running.process.kill("SIGINT");
    const { status, stdout } = await running.ended;
    expect(status).toBe(130);
    expect(stdout).toMatch(/total: 2 lines\n$/);
  });
});

describe("a live source", () => {
  it("each line is scored as soon as it arrives", async () => {
    const running = new Running(ARGS, folder);
    for (let n = 1; n <= 3; n++) {
      running.process.stdin.write(LINE);
      await running.lines(n);
    }
    running.process.stdin.end();
    expect((await running.ended).status).toBe(0);
  });

  it("an error that is reported is printed as soon as its line arrives", async () => {
    const running = new Running([...ARGS, "--on-error", "report"], folder);
    for (const [n, text] of ["?\n", "ab\n", "?\n", "?\n"].entries()) {
      running.process.stdin.write(text);
      await running.lines(n + 1);
    }
    running.process.stdin.end();
    expect((await running.ended).status).toBe(0);
  });

  it("a reader that stops reading stops the command: it takes no more than four chunks", () => {
    // Standard output is full and stays full. A command that waits for it has nothing else to do, so that its process
    // ends, and says how much it has read by then; exit code 13: with a promise that nobody kept.
    const script = `
      import fs from "node:fs";
      import { syncBuiltinESMExports } from "node:module";
      const { createReadStream } = fs;
      fs.createReadStream = (...operands) => {
        const stream = createReadStream(...operands);
        process.on("exit", () => fs.writeSync(2, String(stream.bytesRead)));
        return stream;
      };
      syncBuiltinESMExports();
      process.stdout.write = () => false;`;
    const { status, stderr } = preloaded(script, [...ARGS, "lines.txt"], folder);
    expect(status).toBe(13);
    const taken = Number(/^\d+/.exec(stderr)?.[0]);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(4 * 65_536);
    expect(statSync(join(folder, "lines.txt")).size).toBeGreaterThan(8 * 65_536);
  });
});

describe("a pipe that is closed", () => {
  it("head stops reading: exit 0, and nothing on stderr", () => {
    const line = `$recurra score lines.txt --json ${MODEL} | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = shell(line, folder);
    const [first, status] = stdout.split("\n");
    expect(JSON.parse(first as string).line).toBe(1);
    expect([status, stderr]).toEqual(["0", ""]);
  });

  it("the same for help and inspect", () => {
    for (const args of ["--help", "inspect tied.safetensors"]) {
      const { stdout, stderr } = shell(`$recurra ${args} | true; echo "\${PIPESTATUS[0]}"`, folder);
      expect([stdout, stderr]).toEqual(["0\n", ""]);
    }
  });

  it("a full disk is an error", () => {
    const script = `
      process.stdout.write = () => {
        const error = Object.assign(new Error("full"), { code: "ENOSPC" });
        process.nextTick(() => process.stdout.emit("error", error));
        return false;
      };`;
    const { status, stderr } = preloaded(script, [...ARGS, "lines.txt"], folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(saying("recurra: standard output: …full\n"));
  });
});

describe("progress", () => {
  it("is drawn on a terminal, when results go elsewhere", () => {
    const script = "process.stderr.isTTY = true;";
    const { status, stdout, stderr } = preloaded(script, [...ARGS, "lines.txt"], folder);
    expect(status).toBe(0);
    expect(stderr).toMatch(/\d+% · \d+ lines · \S+ left/);
    expect(linesOf(stdout)).toBe(20_000);
  });

  it("is not drawn where there is no terminal", () => {
    const { stderr } = shell(`$recurra score lines.txt --json ${MODEL} > scores.jsonl`, folder);
    expect(stderr).toBe("");
  });
});
