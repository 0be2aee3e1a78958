// Why this exists: a reader that never ends, or takes all memory, must not take the fuzzer with it. Runs the cases of one
// format one after the other, and writes the number of the case at hand where the main thread sees it.
import { workerData } from "node:worker_threads";
import { createEngineSync, EngineMemoryError, loadTagger, ModelFormatError } from "recurra";
import { Random } from "./random.mjs";

const { format, first, until, fixtures, progress } = workerData;
const { corpus, mutate, pack, read, openAndRun } = await import(`./${format}.mjs`);
/** Bytes that a file may have read, and that the networks may take. */
const READ = { maximumBytes: 2 ** 24 };
const engine = createEngineSync({ maximumBytes: 2 ** 27 });

const samples = corpus(fixtures);
/** Three steps that the network takes: tokens, or numbers. */
function sequenceOf({ input, recurrent }) {
  if (input.kind !== "features") return [0, 0, 0];
  const n = recurrent[0].options.inputSize;
  return { shape: [3, n], data: Float64Array.from({ length: 3 * n }, (_, i) => (i % 7) / 8 - 0.4) };
}

/** Describes a file and runs the network; `refused` where an error of the right kind says that it cannot be. */
async function run(file) {
  if (openAndRun !== undefined) return openAndRun(engine, file, READ);
  let description;
  try {
    description = read(file, READ);
  } catch (error) {
    if (error instanceof ModelFormatError) return "refused";
    throw error;
  }
  let tagger;
  try {
    tagger = await loadTagger(engine, description, { activation: "identity", output: "steps" });
  } catch (error) {
    if (error instanceof ModelFormatError || error instanceof EngineMemoryError) return "refused";
    throw error;
  }
  try {
    await tagger.tag([sequenceOf(description)]);
    return "run";
  } catch (error) {
    if (error instanceof EngineMemoryError) return "refused";
    throw error;
  } finally {
    tagger.dispose();
  }
}

// A model that was there before: whatever files come, its numbers stay the same, bit for bit.
const sound = read(pack(samples[0]), READ);
const standing = await loadTagger(engine, sound, { activation: "identity", output: "steps" });
const wanted = JSON.stringify(await standing.tag([sequenceOf(sound)]));
export const outcome = { cases: 0, run: 0, refused: 0 };
const clock = process.hrtime.bigint;
const end = clock() + BigInt(Math.round(until * 1e9));
for (let seed = first; outcome.cases === 0 || (until > 0 && clock() < end); seed++) {
  Atomics.store(progress, 0, seed);
  const random = new Random(seed);
  outcome[await run(mutate(random, random.pick(samples)))]++;
  outcome.cases++;
  if (outcome.cases % 64 !== 1) continue;
  const got = JSON.stringify(await standing.tag([sequenceOf(sound)]));
  if (got !== wanted) throw new Error("the numbers of a model that was there before have changed");
}
Atomics.store(progress, 0, -1);
const { parentPort } = await import("node:worker_threads");
parentPort.postMessage(outcome);
