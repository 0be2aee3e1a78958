// fastify and onnxruntime-node with micro-batches of its own: what arrives within 2 ms, at most 32 requests, padded to the
// longest; two batches run at a time, so that one is filled while another runs.
import { openScorer } from "./model.js";
import { serve } from "./service.js";

interface Waiting {
  readonly ids: Int32Array;
  readonly done: (logProb: number) => void;
  readonly failed: (error: unknown) => void;
}

const [MOST, DELAY, AT_ONCE] = [32, 2, 2];
const score = await openScorer();
const queue: Waiting[] = [];
let timer: NodeJS.Timeout | undefined;
let running = 0;

async function runBatch(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  if (queue.length === 0 || running >= AT_ONCE) return;
  const batch = queue.splice(0, MOST);
  running++;
  try {
    const m = batch.length;
    const T = Math.max(...batch.map(({ ids }) => ids.length - 1));
    const tokens = new Int32Array(T * m);
    const rows: number[] = [];
    const targets: number[] = [];
    batch.forEach(({ ids }, b) => {
      for (let t = 0; t + 1 < ids.length; t++) {
        tokens[t * m + b] = ids[t] as number;
        rows.push(t * m + b);
        targets.push(ids[t + 1] as number);
      }
    });
    const values = await score({
      T,
      m,
      tokens,
      rows: Int32Array.from(rows),
      targets: Int32Array.from(targets),
    });
    let at = 0;
    for (const { ids, done } of batch) {
      let sum = 0;
      for (let t = 0; t + 1 < ids.length; t++) sum += values[at++] as number;
      done(sum);
    }
  } catch (error) {
    for (const { failed } of batch) failed(error);
  } finally {
    running--;
    schedule();
  }
}

function schedule(): void {
  if (queue.length >= MOST) void runBatch();
  else if (queue.length > 0) timer ??= setTimeout(() => void runBatch(), DELAY);
}

await serve(
  (ids) =>
    new Promise((done, failed) => {
      queue.push({ ids, done, failed });
      schedule();
    }),
);
