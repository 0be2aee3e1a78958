import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createEngine } from "recurra";
import { bitsPerCharacter } from "./evaluate.js";
import { fileOf } from "./file.js";
import { newNetwork } from "./network.js";
import { HELP, type Options, readOptions } from "./options.js";
import { Passages } from "./passages.js";
import { progress } from "./progress.js";
import { mulberry32 } from "./random.js";
import { type Document, PROVENANCE, prepare, publicDomainTexts, split } from "./text.js";
import { BATCH, PASSAGE, STRETCH, train } from "./train.js";
import { encode } from "./vocabulary.js";

/** nx: more would cost little and gain little. */
const INPUTS = 32;

/** Steps that the loss on display is a mean of. */
const MEAN_OF = 100;

async function run({ text, out, steps, hidden, seed }: Options): Promise<void> {
  const random = mulberry32(seed);
  const documents: Document[] =
    text.length === 0
      ? publicDomainTexts("build/texts")
      : text.map((name) => ({ name, text: readFileSync(name, "utf8") }));
  const { seen, unseen } = split(documents.map((each) => prepare(each.text, random)));
  const passages = new Passages(encode(seen), PASSAGE, random);
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
  const found = `${bits.toFixed(3)} bits per character of ${number(unseen.length)} that it has not seen`;
  const command = `npm run train -- --steps ${steps} --hidden ${hidden} --seed ${seed}`;
  const notes =
    text.length === 0 ? { ...PROVENANCE, command } : { text: text.join(", "), command };
  const file = fileOf(network, { ...notes, heldOut: found });
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, file);
  console.log(`${found}\n${out}: ${number(file.length)} bytes`);
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function options(): Options | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\nWhat there is: npm run train -- --help`);
    process.exitCode = 2;
    return undefined;
  }
}

const chosen = options();
if (chosen?.help) console.log(HELP);
else if (chosen !== undefined) await run(chosen);
