// The most that this machine does in wasm's 128-bit lanes: k chains of multiplications and k chains of additions, all in
// registers, none of which waits for another. The latency and the number of registers decide which k is best.
import type { Precision } from "../cases/cases.js";
import { runWorker } from "../timing/worker.js";
import { CEILING_OPERATIONS, type Shape, shapeModule } from "./ceiling_module.js";

const precision: Precision = process.argv[2] === "f32" ? "f32" : "f64";
const lanes = precision === "f32" ? 4 : 2;
const UNROLLED = 4;

const shapes: Shape[] = [5, 6, 7].map((chains) => ({ precision, chains, unrolled: UNROLLED }));

interface Loop {
  chains: number;
  call(): number;
}

function open(shape: Shape): Loop {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(shapeModule(shape)));
  const loop = exports.loop as (turns: number, constant: number) => number;
  const { chains } = shape;
  const turns = CEILING_OPERATIONS / (2 * chains * lanes * UNROLLED);
  // The constant −1, an even number of times: products return to j, sums fall to j − steps, and every number is exact. The
  // result proves that no operation was optimised away.
  const call = (): number => loop(turns, -1);
  const wanted = lanes * chains * (chains - 1 - turns * UNROLLED);
  const got = call();
  if (got !== wanted) throw new Error(`the ceiling's loop gave ${got}, not ${wanted}`);
  return { chains, call };
}

function time(loop: Loop): number {
  const start = performance.now();
  loop.call();
  return performance.now() - start;
}

await runWorker(() => {
  const loops = shapes.map(open);
  for (const loop of loops) for (let i = 0; i < 50; i++) time(loop);
  const pace = loops.map((loop) => Math.min(...Array.from({ length: 30 }, () => time(loop))));
  const best = loops[pace.indexOf(Math.min(...pace))] as Loop;
  const speeds = loops.map(({ chains }, i) => {
    const speed = CEILING_OPERATIONS / (pace[i] as number) / 1e6;
    return `${chains} + ${chains} chains ${speed.toFixed(1)}`;
  });
  return { call: best.call, result: () => [], note: speeds.join(", ") };
});
