// Why this exists: what a stranger's file can do is found by trying. Changes sound files of each format along their
// structure, and holds every reader to one rule: a ModelFormatError, or a model that runs; a model that was there before
// keeps its bits; memory and time stay within bounds. Equal seeds give equal cases.
// Usage: npm run build && npm run fuzz -- <safetensors|keras|tensorflowjs|onnx|graph|all> [--seconds N] [--seed N]
//   --case N   runs one case of a format again, to see its error
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";

const FORMATS = ["safetensors", "keras", "tensorflowjs", "onnx", "graph"];
/** Seconds after which a single case, which takes milliseconds, counts as one that never ends. */
const PATIENCE = 30;
/** Megabytes of JavaScript's heap, and of all memory beyond what the process had before. */
const HEAP = 256;
const MEMORY = 512;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "15" },
    seed: { type: "string", default: "1" },
    case: { type: "string" },
  },
});
const [asked] = positionals;
const formats = asked === "all" ? FORMATS : FORMATS.filter((format) => format === asked);
const [seconds, seed] = [Number(values.seconds), Number(values.case ?? values.seed)];
if (formats.length === 0 || !(seconds >= 0) || !Number.isSafeInteger(seed)) {
  console.error(
    `usage: npm run fuzz -- <${FORMATS.join("|")}|all> [--seconds N] [--seed N] [--case N]`,
  );
  process.exit(2);
}
const fixtures = fileURLToPath(new URL("../test/fixtures", import.meta.url));

/** Runs the cases of a format; throws an error that names the case at fault. */
function fuzz(format) {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const until = values.case === undefined ? seconds : 0;
  const worker = new Worker(new URL("fuzz/worker.mjs", import.meta.url), {
    workerData: { format, first: seed, until, fixtures, progress },
    resourceLimits: { maxOldGenerationSizeMb: HEAP },
  });
  return new Promise((resolve, reject) => {
    const again = () => `npm run fuzz -- ${format} --case ${Atomics.load(progress, 0)}`;
    let [before, waited] = [-1, 0];
    const watch = setInterval(() => {
      const now = Atomics.load(progress, 0);
      waited = now === before ? waited + 1 : 0;
      before = now;
      if (waited < PATIENCE || now === -1) return;
      clearInterval(watch);
      worker.terminate();
      reject(new Error(`${format}: a case that does not end: ${again()}`));
    }, 1000);
    worker.once("message", resolve);
    worker.once("error", (cause) => reject(new Error(`${format}: ${again()}`, { cause })));
    worker.once("exit", () => clearInterval(watch));
  });
}

const megabytes = () => process.resourceUsage().maxRSS / 1024;
const start = megabytes();
for (const format of formats) {
  const { cases, run, refused } = await fuzz(format);
  console.log(`${format}: ${cases} cases, ${refused} refused, ${run} run`);
}
const grown = Math.round(megabytes() - start);
if (grown > MEMORY) throw new Error(`expected ≤ ${MEMORY} MB of memory, got ${grown}`);
console.log(`at most ${grown} MB of memory`);
