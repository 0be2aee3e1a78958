import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

function start(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/start.mjs", ...options],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  return { status, stdout, stderr };
}

/** The output without what a clock decides. */
function timeless({ stdout, stderr }: ReturnType<typeof start>): string {
  return `${stdout}${stderr}`
    .replace(/^│ words scored per second.*$/m, "")
    .replace(/Learned in \d+ s/, "")
    .replace(/\d+ s left/g, "");
}

/** The numbers of the first line that matches, in order. */
function numbers(text: string, line: RegExp): number[] {
  const found = text.split("\n").find((each) => line.test(each)) ?? "";
  return (found.match(/\d+(\.\d+)?/g) ?? []).map(Number);
}

describe("npm start", () => {
  const first = start("--words", "8000");

  it("learns: the loss falls from that of 27 equally likely symbols, and more than 90 % of the pairs are right", () => {
    expect(first.status).toBe(0);
    const [, before = 0, after = 0] = numbers(first.stdout, /^Learned in/);
    expect(before).toBeCloseTo(Math.log(27), 1);
    expect(after).toBeLessThan(2.6);
    const [words = 0, shuffled = 0] = numbers(first.stdout, /nats per character +│/);
    expect(words).toBeLessThan(2.6);
    expect(shuffled).toBeGreaterThan(words + 0.5);
    expect(numbers(first.stdout, /pairs ranked right/)[0]).toBeGreaterThan(90);
  });

  it("shows words, and how far it is", () => {
    expect(first.stdout).toMatch(/likeliest.*unlikeliest/);
    expect(first.stdout).toMatch(/words scored per second │ +[\d,]+ │/);
    expect(first.stderr.match(/nats per character \| \d+ s left/g)).toHaveLength(10);
  });

  it("fits a terminal of 80 columns", () => {
    const widths = `${first.stdout}${first.stderr}`.split("\n").map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThan(80);
  });

  it("gives the same numbers on every run, and others from another seed", () => {
    expect(timeless(start("--words", "8000"))).toBe(timeless(first));
    const fewer = start("--words", "1000");
    expect(timeless(start("--words", "1000", "--seed", "2"))).not.toBe(
      timeless(fewer).replace("seed 1", "seed 2"),
    );
  });

  it("says so when it has seen too little", () => {
    const { status, stdout } = start("--words", "100");
    expect(status).toBe(0);
    expect(stdout).toContain("Fewer than 90 % are right");
  });

  it("explains itself", () => {
    const { status, stdout } = start("--help");
    expect(status).toBe(0);
    expect(stdout).toContain("--words");
  });

  it.each([
    [["--words", "99"], '--words: expected a whole number in 100 … 274937, got "99"'],
    [["--words", "many"], 'got "many"'],
    [["--seed=-1"], "--seed: expected a whole number"],
    [["--speed", "1"], "--speed"],
    [["20000"], "20000"],
  ])("refuses %j with exit code 2", (options, message) => {
    const { status, stdout, stderr } = start(...options);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
  });
});
