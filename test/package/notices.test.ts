import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { consumer, pack, type Tarball } from "../support/project.js";

let tarball: Tarball;
let installed: string;
/** The titles of each section, and its text. */
let sections: { titles: string[]; text: string }[];

beforeAll(() => {
  tarball = pack();
  installed = join(consumer(tarball, {}), "node_modules/recurra");
  const notices = readFileSync(join(installed, "dist/THIRD_PARTY_NOTICES.txt"), "utf8");
  const [, ...parts] = notices.split(`${"-".repeat(80)}\n`);
  sections = parts.flatMap((part, i) =>
    i % 2 === 0 ? { titles: part.trimEnd().split("\n"), text: parts[i + 1] ?? "" } : [],
  );
}, 60_000);

const names = (): string[] =>
  sections.flatMap(({ titles }) => titles.map((title) => title.replace(/ .*$/, "")));

describe("THIRD_PARTY_NOTICES.txt of the tarball", () => {
  it("names the packages whose code is in dist, each once", () => {
    expect(names().sort()).toEqual([
      "@assemblyscript/loader",
      "@colors/colors",
      "@huggingface/tokenizers",
      "ansi-regex",
      "as-bind",
      "assemblyscript",
      "cli-progress",
      "cli-table3",
      "commander",
      "csv-parse",
      "emoji-regex",
      "fflate",
      "is-fullwidth-code-point",
      "string-width",
      "strip-ansi",
      "uplot",
    ]);
  });

  it("misses none of the packages that the comments in dist name", () => {
    const named = tarball.files
      .filter((path) => path.endsWith(".js"))
      .flatMap((path) => [
        ...readFileSync(join(installed, path), "utf8").matchAll(
          /^ *\/\/ (?:\S*\/)?node_modules\/((?:@[^/\s]+\/)?[^/\s]+)/gm,
        ),
      ])
      .map(([, name]) => name);
    expect(named).toContain("commander");
    expect([...new Set(named)].filter((name) => !names().includes(name ?? ""))).toEqual([]);
  });

  it("gives each a copyright and the text that its licence asks for", () => {
    for (const { titles, text } of sections) {
      const [title] = titles;
      expect(text, title).toMatch(/copyright/i);
      expect(text, title).toMatch(/WARRANT(Y|IES)/i);
      expect(text.length, title).toBeGreaterThan(900);
    }
  });
});
