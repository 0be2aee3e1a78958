import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createEngine, loadLanguageModel, type Score } from "recurra";
import { report } from "./report.js";
import { TEXTS, type Text } from "./texts.js";

const MODEL = "models/english-characters.safetensors";

const HELP = `Scores texts with the character model that the package brings: how likely is each as English?

  npm start                     an English sentence, and five ways to spoil it
  npm start -- "Any text" …     your texts as well
  npm start -- --help           this text`;

const NEXT = `
^  the character that surprised the model most.  A perplexity of 3 means that
   the model chose among three equally likely characters each time.

Next:
  npm start -- "Your own words."        a row for your text
  npx recurra score README.md           every line of a file, with this model
  npx recurra score README.md --json    the same for programs
  npx recurra inspect ${MODEL}
  npm run train -- --help               how it was made; train your own`;

async function run(own: readonly string[]): Promise<void> {
  using engine = await createEngine();
  const file = readFileSync(fileURLToPath(import.meta.resolve(`recurra/${MODEL}`)));
  using model = await loadLanguageModel(engine, file);
  const texts: Text[] = [...TEXTS, ...own.map((text): Text => ({ kind: ["your", "text"], text }))];
  const scores = model.scoreSync(texts.map(({ text }) => text));
  const scored = texts.map((text, i) => ({ ...text, score: scores[i] as Score }));
  console.log(`${report(scored)}\n${NEXT}`);
}

/** The command line; undefined, after a message, if it is wrong. */
function options(): { own: readonly string[]; help: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h", default: false } },
    });
    return { own: positionals, help: values.help };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\nHelp: npm start -- --help`);
    process.exitCode = 2;
    return undefined;
  }
}

const chosen = options();
if (chosen?.help) console.log(HELP);
else if (chosen !== undefined) await run(chosen.own);
