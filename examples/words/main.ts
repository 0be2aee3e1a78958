import { createEngine } from "recurra";
import { englishWords, SYMBOLS } from "./data.js";
import { newLstm } from "./model.js";
import { HELP, type Options, readOptions } from "./options.js";
import { progress } from "./progress.js";
import { mulberry32, shuffled } from "./random.js";
import { findings, opening } from "./report.js";
import { logLikelihoods, pairsOf } from "./score.js";
import { stepsOf, train } from "./train.js";

/** na: what learns best in a minute. More units learn more per word, and see fewer words. */
const HIDDEN = 96;

/** Words that are kept for scoring, a tenth of a shorter list. */
const HELD_OUT = 5000;

/** Steps that the loss on display is a mean of. */
const MEAN_OF = 50;

async function run(english: readonly string[], { words, seed }: Options): Promise<void> {
  const random = mulberry32(seed);
  const chosen = shuffled(english, random).slice(0, words);
  const held = Math.min(HELD_OUT, Math.floor(chosen.length / 10));
  const unseen = chosen.slice(0, held);
  const seen = chosen.slice(held);
  using engine = await createEngine();
  const parameters = newLstm(HIDDEN, random);
  console.log(opening({ seen, unseen, symbols: SYMBOLS, parameters, seed }));

  const losses = { first: 0, mean: 0 };
  const shown = progress(stepsOf(seen));
  const started = performance.now();
  train(engine, parameters, seen, random, (done, loss) => {
    if (done === 1) losses.first = loss;
    losses.mean += (loss - losses.mean) / Math.min(done, MEAN_OF);
    shown.update(done, losses.mean);
  });
  const trained = performance.now();
  shown.stop();

  const pairs = pairsOf(unseen, random);
  const texts = pairs.flatMap(({ word, shuffle }) => [word, shuffle]);
  const scoring = performance.now();
  const scores = logLikelihoods(engine, parameters, texts);
  const seconds = {
    training: (trained - started) / 1000,
    scoring: (performance.now() - scoring) / 1000,
  };
  console.log(findings({ losses, pairs, scores, seconds, dictionary: new Set(english) }));
}

function options(english: readonly string[]): Options | undefined {
  try {
    return readOptions(process.argv.slice(2), english.length);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\nWhat there is: npm start -- --help`);
    process.exitCode = 2;
    return undefined;
  }
}

const english = englishWords();
const chosen = options(english);
if (chosen?.help) console.log(HELP);
else if (chosen !== undefined) await run(english, chosen);
