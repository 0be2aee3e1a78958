import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelFolder } from "../support/cli_model.js";
import { Running, shell } from "../support/command.js";

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
    expect([status, linesOf(stdout), stderr]).toEqual([
      130,
      3,
      "recurra: interrupted: 3 lines scored\n",
    ]);
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
    expect([status, stderr]).toEqual([130, `recurra: interrupted: ${done} lines scored\n`]);
  });

  it("a table ends with the sum of what was done", async () => {
    const running = new Running(
      ARGS.filter((arg) => arg !== "--json"),
      folder,
    );
    running.process.stdin.write(LINE.repeat(2));
    await running.lines(3);
    running.process.kill("SIGINT");
    const { status, stdout } = await running.ended;
    expect(status).toBe(130);
    expect(stdout).toMatch(/in all: 2 lines\n$/);
  });
});

describe("a live source", () => {
  it("each line is scored as soon as it is there", async () => {
    const running = new Running(ARGS, folder);
    for (let n = 1; n <= 3; n++) {
      running.process.stdin.write(LINE);
      await running.lines(n);
    }
    running.process.stdin.end();
    expect((await running.ended).status).toBe(0);
  });

  it("a reader that stops reading stops the command: it takes no more than a few buffers", async () => {
    const running = new Running(ARGS, folder);
    running.process.stdout.pause();
    feed(running);
    // Until 200 ms pass in which nothing more is taken.
    const taken = () => (running.process.stdin as Socket).bytesWritten;
    let before = -1;
    while (taken() > before || before <= 0) {
      before = taken();
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(before).toBeLessThan(4_000_000);
    }
    running.process.kill("SIGKILL");
    await running.ended;
  });
});

describe("a pipe that is closed", () => {
  it("head has had enough: exit 0, and not a word", () => {
    const line = `$recurra score lines.txt --json ${MODEL} | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = shell(line, folder);
    const [first, status] = stdout.split("\n");
    expect(JSON.parse(first as string).line).toBe(1);
    expect([status, stderr]).toEqual(["0", ""]);
  });

  it("so for help and for inspect", () => {
    for (const args of ["--help", "inspect tied.safetensors"]) {
      const { stdout, stderr } = shell(`$recurra ${args} | true; echo "\${PIPESTATUS[0]}"`, folder);
      expect([stdout, stderr]).toEqual(["0\n", ""]);
    }
  });

  it.skipIf(!existsSync("/dev/full"))(
    "a full disk is an error that is said (skipped where there is no /dev/full)",
    () => {
      const { status, stderr } = shell(
        `$recurra score lines.txt --json ${MODEL} > /dev/full`,
        folder,
      );
      expect([status, stderr]).toEqual([1, "recurra: standard output: the disk is full\n"]);
    },
  );
});

describe("progress", () => {
  const script = "/usr/bin/script";

  it.skipIf(!existsSync(script))(
    "is drawn on a terminal, when results go elsewhere (skipped where there is no script)",
    () => {
      const run = `$recurra score lines.txt --json ${MODEL} > scores.jsonl`;
      const { status, stdout } = shell(`${script} -qec '${run}' /dev/null`, folder);
      expect(status).toBe(0);
      expect(stdout).toMatch(/\d+% · \d+ lines · \S+ left/);
      expect(linesOf(readFileSync(join(folder, "scores.jsonl"), "utf8"))).toBe(20_000);
    },
  );

  it("is not drawn where there is no terminal", () => {
    const { stderr } = shell(`$recurra score lines.txt --json ${MODEL} > scores.jsonl`, folder);
    expect(stderr).toBe("");
  });
});
