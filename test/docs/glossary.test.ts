import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../support/project.js";

const rows = readFileSync(join(root, "docs/glossary.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| (?!word |-)/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

const code = ["src", "assembly"]
  .flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(root, room, file), "utf8")),
  )
  .join("\n");

it("docs/glossary.md has at most 25 words, each once", () => {
  const words = rows.map(([, word]) => word);
  expect(words.length).toBeGreaterThan(15);
  expect(words.length).toBeLessThanOrEqual(25);
  expect(new Set(words).size).toBe(words.length);
});

it("each word has its symbol in the code", () => {
  for (const [, word = "", , symbols = ""] of rows) {
    const names = [...symbols.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(names.length, word).toBeGreaterThan(0);
    for (const name of names) expect(new RegExp(`\\b${name}\\b`).test(code), `${name}`).toBe(true);
  }
});
