import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { root } from "../support/project.js";

function start(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/example.mjs", "score", ...options],
    { cwd: root, encoding: "utf8" },
  );
  return { status, stdout, stderr };
}

/** The table's rows: what a text is, the text, what stands below it, bits per character, perplexity. */
function rowsOf(stdout: string) {
  const lines = stdout.split("\n").filter((line) => line.startsWith("│"));
  const cells = lines.map((line) => line.split("│").slice(1, -1));
  // The head has two lines, as each row.
  return Array.from({ length: cells.length / 2 - 1 }, (_, i) => {
    const [upper = [], lower = []] = cells.slice(2 * i + 2, 2 * i + 4);
    const kind = `${upper[0]?.trim()} ${lower[0]?.trim()}`;
    const [text = "", mark = ""] = [upper[1]?.slice(1), lower[1]?.slice(1)];
    return {
      kind,
      text: text.trimEnd(),
      mark,
      bits: Number(upper[2]),
      perplexity: Number(upper[3]),
    };
  });
}

describe("npm start", () => {
  const { status, stdout, stderr } = start();
  const rows = rowsOf(stdout);

  it("ranks the real sentence best, and the worse the less of it is left", () => {
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(rows.map(({ kind }) => kind)).toEqual([
      "English sentence",
      "words shuffled",
      "with a typo",
      "another language",
      "letters shuffled",
      "keyboard mash",
    ]);
    const bits = rows.map((row) => row.bits);
    expect(bits[0]).toBeLessThan(2.5);
    expect(bits).toEqual([...bits].sort((one, other) => one - other));
  });

  it("says the perplexity that belongs to the bits", () => {
    for (const { bits, perplexity } of rows) {
      expect(Math.abs(Math.log2(perplexity) - bits)).toBeLessThan(0.03);
    }
  });

  it("marks the typo's first wrong letter", () => {
    const { text, mark } = rows[2] ?? { text: "", mark: "" };
    expect(mark.indexOf("^")).toBe(text.indexOf("sat"));
  });

  it("scores the user's texts too, and shows of a long one where it is strangest", () => {
    const long = `${"It is the policy of the Government of the United States. ".repeat(4)}We have done xqz well.`;
    const own = rowsOf(start("to be", long, "\u{1f600}", "").stdout).slice(-4);
    expect(own.map(({ kind }) => kind)).toEqual(Array(4).fill("your text"));
    expect(own[0]?.text).toBe("to be");
    expect(own[1]?.text).toMatch(/^….*xqz/);
    expect("xqz").toContain(own[1]?.text[own[1].mark.indexOf("^")]);
    expect(own[2]?.text).toBe("\u{1f600}");
  });

  it("fits a terminal of 80 columns, and says what to try next", () => {
    const widths = stdout.split("\n").map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThan(80);
    expect(stdout).toContain("npm run train");
  });

  it("explains itself, and refuses what it does not know with exit code 2", () => {
    expect(start("--help").stdout).toContain("npm start --");
    const refused = start("--speed");
    expect(refused.status).toBe(2);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toContain("--speed");
  });
});
