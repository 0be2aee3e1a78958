// Why this exists: dist/ contains code of other packages, and their licences ask for their notices beside every copy.
// esbuild's metafiles name each bundled file, so that a new dependency cannot be forgotten.
// Writes dist/THIRD_PARTY_NOTICES.txt. Fails if a bundled package has no licence text.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Copies that no metafile shows: the compiler puts AssemblyScript's runtime into arrays.wasm, which as-bind calls, and
 * as-bind was bundled by its authors with a loader of AssemblyScript's.
 */
const INSIDE = { "as-bind": ["assemblyscript"] };
/** A package without a licence file: the package of the same repository that has one. */
const SAME_LICENCE = { "@assemblyscript/loader": "assemblyscript" };

/** "node_modules/a/node_modules/@b/c/index.js" → "node_modules/a/node_modules/@b/c". */
function packageFolder(path) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
}

/** Folders of all packages with at least one byte in the outputs of a metafile. */
function bundled(metafile) {
  const { outputs } = JSON.parse(readFileSync(`${root}/build/metafiles/${metafile}`, "utf8"));
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? (packageFolder(path) ?? []) : [],
    ),
  );
}

function licenceText(folder) {
  const files = readdirSync(`${root}/${folder}`).filter((file) =>
    /^(licen[cs]e|notice)/i.test(file),
  );
  return files
    .sort()
    .map((file) => readFileSync(`${root}/${folder}/${file}`, "utf8").trim())
    .join("\n\n");
}

/** Address of a repository field: "user/name", "git+https://…git", or an object with one of them. */
function address(repository) {
  const url = repository?.url ?? repository ?? "";
  const full = /^[\w.-]+\/[\w.-]+$/.test(url) ? `https://github.com/${url}` : url;
  return full.replace(/^git\+/, "").replace(/\.git$/, "");
}

/** @param exact false for a copy inside another package, whose version nobody records */
function notice(folder, { exact }) {
  const { name, version, license, repository } = JSON.parse(
    readFileSync(`${root}/${folder}/package.json`, "utf8"),
  );
  const same = SAME_LICENCE[name];
  const text = licenceText(same === undefined ? folder : `node_modules/${same}`);
  if (text === "") throw new Error(`${name} is bundled and has no licence text`);
  const versioned = exact ? `${name} ${version}` : name;
  return { title: `${versioned} (${license}), ${address(repository)}`, text };
}

const folders = [...new Set(readdirSync(`${root}/build/metafiles`).flatMap(bundled))];
const inside = folders.flatMap((folder) => INSIDE[folder.replace(/^.*node_modules\//, "")] ?? []);
const notices = [
  ...folders.map((folder) => notice(folder, { exact: true })),
  ...inside.map((name) => notice(`node_modules/${name}`, { exact: false })),
];
// Packages of one text share a section.
const titles = new Map();
for (const { title, text } of notices.sort((a, b) => (a.title < b.title ? -1 : 1))) {
  titles.set(text, [...(titles.get(text) ?? []), title]);
}
const line = "-".repeat(80);
const sections = [...titles].map(([text, names]) =>
  [line, ...names, line, "", text, ""].join("\n"),
);
const first =
  "Recurra's own licence is in the file LICENSE. The files in dist/ also contain code of these packages.";
writeFileSync(`${root}/dist/THIRD_PARTY_NOTICES.txt`, `${first}\n\n${sections.join("\n")}`);
