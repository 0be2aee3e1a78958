import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { mulberry32 } from "./random.js";
import { joined, PROVENANCE, prepare, publicDomainTexts } from "./text.js";

// Writes the public-domain texts as one file, its held-out lines last, and trains on it with the package's command.
// Usage: npm run train [-- options of recurra train]

const FOLDER = "build/texts";
const FILE = `${FOLDER}/english.txt`;
const OUT = "build/english-characters.safetensors";

/** What the model is to be like: docs/decisions/examples.md has the numbers. Options of the user stand after these. */
const OPTIONS = ["--hidden-size", "256", "--steps", "6000", "--dropout", "0", "--seed", "1"];

/** The seed of the ends of lines. */
const random = mulberry32(1);
const documents = publicDomainTexts(FOLDER);
const { text, share } = joined(documents.map((each) => prepare(each.text, random)));
mkdirSync(dirname(FILE), { recursive: true });
writeFileSync(FILE, text);

const notes = Object.entries(PROVENANCE).flatMap(([name, text]) => ["--note", `${name}=${text}`]);
const command = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const args = ["train", FILE, "--out", OUT, "--validation", String(share), "--dtype", "f16"];
const child = spawn(
  process.execPath,
  [command, ...args, ...OPTIONS, ...notes, ...process.argv.slice(2)],
  {
    stdio: "inherit",
  },
);
// The command answers Ctrl-C itself: it saves, and says how to go on.
process.on("SIGINT", () => {});
child.on("close", (code) => {
  process.exitCode = code ?? 1;
});
