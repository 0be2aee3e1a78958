import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createEngine } from "recurra";
import { bitsPerCharacter } from "./evaluate.js";
import { fileOf } from "./file.js";
import { newNetwork } from "./network.js";
import { HELP, type Options, readOptions } from "./options.js";
import { Passages } from "./passages.js";
import { progress } from "./progress.js";
import { mulberry32, type Random } from "./random.js";
import { type Document, PROVENANCE, prepare, publicDomainTexts, split } from "./text.js";
import { BATCH, PASSAGE, STRETCH, train } from "./train.js";
import { encode, START } from "./vocabulary.js";

/** nx, the numbers that stand for a character. More would cost little and gain little. */
const INPUTS = 32;

/** The displayed loss is a mean over this many steps. */
const MEAN_OF = 100;

/** The texts, divided into a part to learn from and a part to judge by. */
interface Material {
  readonly documents: readonly Document[];
  readonly seen: string;
  readonly unseen: string;
  readonly passages: Passages;
}

function materialFor({ text }: Options, random: Random): Material {
  const documents =
    text.length === 0
      ? publicDomainTexts("build/texts")
      : text.map((name) => ({ name, text: readFileSync(name, "utf8") }));
  const { seen, unseen } = split(documents.map((each) => prepare(each.text, random)));
  const passages = new Passages(encode(START + seen), PASSAGE, random);
  return { documents, seen, unseen, passages };
}

async function run(options: Options, material: Material, random: Random): Promise<void> {
  const { text, out, steps, hidden, seed } = options;
  const { documents, seen, unseen, passages } = material;
  using engine = await createEngine();
  const network = newNetwork({ nx: INPUTS, na: hidden }, random);
  console.log(
    `${number(documents.length)} texts: ${number(seen.length)} characters to learn from, ${number(unseen.length)} kept back\n` +
      `${number(steps)} steps of ${number(BATCH * STRETCH)} characters, ${hidden} hidden units, seed ${seed}`,
  );

  const shown = progress(steps);
  let mean = 0;
  train(engine, network, passages, steps, (done, loss) => {
    mean += (loss - mean) / Math.min(done, MEAN_OF);
    shown.update(done, mean);
  });
  shown.stop();

  const bits = await bitsPerCharacter(engine, fileOf(network, {}), unseen);
  const heldOut = `${bits.toFixed(3)} bits per character of ${number(unseen.length)} that it has not seen`;
  const command = `npm run train -- --steps ${steps} --hidden ${hidden} --seed ${seed}`;
  const origin = text.length === 0 ? PROVENANCE : { text: text.join(", ") };
  const file = fileOf(network, { ...origin, command, heldOut });
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, file);
  console.log(`${heldOut}\n${out}: ${number(file.length)} bytes`);
}

function number(value: number): string {
  return value.toLocaleString("en");
}

/** The options and the texts that they name; undefined, after a message, if one of them is wrong. */
function prepared(): Parameters<typeof run> | undefined {
  try {
    const options = readOptions(process.argv.slice(2));
    const random = mulberry32(options.seed);
    if (!options.help) return [options, materialFor(options, random), random];
    console.log(HELP);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`${error.message}\nHelp: npm run train -- --help`);
    process.exitCode = 2;
  }
  return undefined;
}

const job = prepared();
if (job !== undefined) await run(...job);
