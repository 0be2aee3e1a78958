// What this machine can do in wasm's 128-bit lanes: k chains of multiplications and k chains of additions, all in
// registers, none waiting for another. Several k, because the latency and the number of registers decide which is best.
import type { Width } from "../cases/cases.js";
import { serveJobs } from "../timing/worker.js";
import { CEILING_OPERATIONS, type Shape, shapeModule } from "./ceiling_module.js";

const width: Width = process.argv[2] === "f32" ? "f32" : "f64";
const lanes = width === "f32" ? 4 : 2;
const UNROLLED = 4;

const shapes: Shape[] = [5, 6, 7].map((chains) => ({ width, chains, unrolled: UNROLLED }));

interface Loop {
  chains: number;
  call(): number;
}

function open(shape: Shape): Loop {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(shapeModule(shape)));
  const loop = exports.loop as (turns: number, constant: number) => number;
  const { chains } = shape;
  const turns = CEILING_OPERATIONS / (2 * chains * lanes * UNROLLED);
  // The constant −1, an even number of times: products come back to j, sums go down to j − steps, and every number is
  // exact. The result tells that no operation was left out.
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

await serveJobs(() => {
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
