// onnxruntime-node without a server: batches of 32 lines of one length, two at a time, as the service with micro-batches has at
// best. Argument: seconds. Prints what it measured.
import { LENGTH, readLines, readVocabulary } from "../fixture.js";
import { openScorer } from "./model.js";

const [MOST, AT_ONCE] = [32, 2];
const [seconds = "5"] = process.argv.slice(2);
const vocabulary = readVocabulary();
const lines = readLines().slice(0, 10 * MOST);
const ids = lines.map((line) => Int32Array.from(line, (character) => vocabulary[character] ?? 0));
const score = await openScorer();

/** The feeds of some lines. */
function feedsOf(batch: readonly Int32Array[]) {
  const [T, m] = [LENGTH - 1, batch.length];
  const tokens = new Int32Array(T * m);
  const targets = new Int32Array(T * m);
  batch.forEach((each, b) => {
    for (let t = 0; t < T; t++) {
      tokens[t * m + b] = each[t] as number;
      targets[t * m + b] = each[t + 1] as number;
    }
  });
  return { T, m, tokens, rows: Int32Array.from(tokens.keys()), targets };
}

const batches = Array.from({ length: ids.length / MOST }, (_, i) =>
  feedsOf(ids.slice(i * MOST, (i + 1) * MOST)),
);
for (const batch of batches) await score(batch);
const [start, before] = [performance.now(), process.cpuUsage()];
let done = 0;
const run = async (): Promise<void> => {
  for (let i = 0; performance.now() - start < 1000 * Number(seconds); i++) {
    await score(batches[i % batches.length] as (typeof batches)[number]);
    done += MOST;
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, run));
const { user, system } = process.cpuUsage(before);
const perSecond = (1000 * done) / (performance.now() - start);
console.log(JSON.stringify({ perSecond, cpu: (user + system) / done }));
