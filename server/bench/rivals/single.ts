// fastify and onnxruntime-node: one request, one run.
import { openScorer } from "./model.js";
import { serve } from "./service.js";

const score = await openScorer();

await serve(async (ids) => {
  const T = ids.length - 1;
  const values = await score({
    T,
    m: 1,
    tokens: ids.subarray(0, T),
    rows: Int32Array.from({ length: T }, (_, t) => t),
    targets: ids.subarray(1),
  });
  return values.reduce((sum, value) => sum + value, 0);
});
