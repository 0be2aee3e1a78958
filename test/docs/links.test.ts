import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { describe, expect, it } from "vitest";
import { root } from "../support/project.js";

const REPOSITORY =
  /^https:\/\/(?:github\.com\/recurra\/recurra\/blob|raw\.githubusercontent\.com\/recurra\/recurra)\/main\//;

const pages = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];
const read = (path: string): string => readFileSync(join(root, path), "utf8");
/** A page without its blocks of code. */
const prose = (path: string): string => read(path).replace(/^```[\s\S]*?^```/gm, "");

/** GitHub's anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");

const anchors = (path: string): string[] =>
  [...prose(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading));

/** What is wrong with the links of a page. */
function dead(page: string): string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
    const own = REPOSITORY.test(link);
    if (!own && /^https?:/.test(link)) return [];
    const [target = "", part] = link.replace(REPOSITORY, "").split("#");
    const path = target === "" ? page : own ? target : join(dirname(page), target);
    if (!existsSync(join(root, path))) return [`${link}: there is no ${path}`];
    if (part === undefined || anchors(path).includes(part)) return [];
    return [`${link}: ${path} has no heading with this anchor`];
  });
}

describe("every link inside the repository leads somewhere", () => {
  it.each(pages)("%s", (page) => {
    expect(dead(page)).toEqual([]);
  });
});

it("pages of the tarball link by absolute address: docs/ is not packed", () => {
  for (const page of ["README.md", "SECURITY.md", "CHANGELOG.md"]) {
    const relative = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].filter(
      ([, link = ""]) => !/^(https:|#)/.test(link),
    );
    expect(relative, page).toEqual([]);
  }
});

it("docs/README.md names every page of docs", () => {
  const index = read("docs/README.md");
  const missing = pages.filter(
    (page) => page.startsWith("docs/") && !index.includes(`(${page.slice("docs/".length)}`),
  );
  expect(missing).toEqual(["docs/README.md"]);
});

it("the README has at most 700 words", () => {
  expect(read("README.md").trim().split(/\s+/).length).toBeLessThanOrEqual(700);
});

it("the scripts and files that pages name in code are there", () => {
  const { scripts } = JSON.parse(read("package.json"));
  const faults = pages.flatMap((page) =>
    [
      ...read(page).matchAll(
        /npm run ([\w:-]+)|node (scripts\/[\w.]+)|`((?:src|assembly|test|scripts|bench|examples)\/[\w./-]+\.\w+)`/g,
      ),
    ].flatMap(([, script, program, file]) => {
      if (script !== undefined) return script in scripts ? [] : [`${page}: npm run ${script}`];
      const path = program ?? file ?? "";
      return existsSync(join(root, path)) ? [] : [`${page}: ${path}`];
    }),
  );
  expect(faults).toEqual([]);
});
