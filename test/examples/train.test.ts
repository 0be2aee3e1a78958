import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { joined, prepare, split } from "../../examples/train/text.js";
import { recurra } from "../support/command.js";
import { temporaryFolder } from "../support/project.js";

// What is specific to `npm run train`, its text: the training itself is that of `recurra train` (test/cli/train.test.ts).

describe("the text", () => {
  const prose =
    'He said “no”—twice.  Mr. Bell\nleft in 1912. She\u2019d stay. "Why?" Ask!\n\n \nThe end.';

  it("has quotes and dashes as in ASCII, a paragraph on a line, and a line's end after every other sentence", () => {
    const whole = prepare(prose, () => 0.9);
    expect(whole).toBe(
      'He said "no"--twice. Mr. Bell left in 1912. She\'d stay. "Why?" Ask!\nThe end.\n',
    );
    expect(prepare(prose, () => 0.1).split("\n")).toEqual([
      'He said "no"--twice.',
      "Mr. Bell left in 1912.",
      "She'd stay.",
      '"Why?"',
      "Ask!",
      "The end.",
      "",
    ]);
  });

  it("keeps back the last lines of every text, and loses no character", () => {
    const texts = [`${"a line\n".repeat(50)}`, `${"another\n".repeat(30)}`];
    const { seen, unseen } = split(texts);
    expect(unseen).toBe(`${"a line\n".repeat(3)}${"another\n".repeat(2)}`);
    expect(seen.length + unseen.length).toBe(texts.join("").length);
  });

  it("joined: recurra train cuts it where the held-out lines begin", () => {
    const texts = Array.from(
      { length: 9 },
      (_, i) => `${`${"a line ".repeat(i + 3)}\n`.repeat(30 + i)}`,
    );
    const { seen, unseen } = split(texts);
    const { text, share } = joined(texts);
    expect(text).toBe(seen + unseen);
    const folder = temporaryFolder();
    writeFileSync(join(folder, "text.txt"), text);
    const options = ["--out", "m.safetensors", "--steps", "2", "--hidden-size", "4"];
    const args = ["train", "text.txt", "--validation", String(share), ...options];
    const { status, stdout } = recurra(args, "", folder);
    expect(status).toBe(0);
    expect(stdout).toContain(
      ` of ${unseen.length.toLocaleString("en")} characters that it has not`,
    );
  });
});
