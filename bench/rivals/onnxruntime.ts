// onnxruntime on one LSTM or RNN node. Its LSTM operator knows f32 only.
import type { Prepared } from "../timing/protocol.js";
import { runLayerWorker } from "../timing/worker.js";
import { onnxModel } from "./onnx_model.js";
import { type OrtTensor, onnxruntime, type Runtime } from "./onnxruntime_session.js";

const { Tensor, open } = onnxruntime(process.argv[2] as Runtime);

await runLayerWorker(async (job, o): Promise<Prepared> => {
  const { work, nx, na, m, T } = job;
  const session = await open(onnxModel(work, job, o));
  const x = Float32Array.from(o.x);
  const last = ({ data }: OrtTensor): number => data[data.length - 1] as number;
  const release = (): void => void session.release();
  if (work === "lstm-step") {
    const step = (t: number): OrtTensor =>
      new Tensor("float32", x.subarray(t * m * nx, (t + 1) * m * nx), [1, m, nx]);
    const steps = Array.from({ length: T }, (_, t) => step(t));
    const zeros = (): OrtTensor => new Tensor("float32", new Float32Array(m * na), [1, m, na]);
    let [h, c, t] = [zeros(), zeros(), 0];
    const call = async (): Promise<number> => {
      const next = await session.run({ X: steps[t++ % T] as OrtTensor, h0: h, c0: c });
      h = next.h1 as OrtTensor;
      c = next.c1 as OrtTensor;
      return last(h);
    };
    return { call, result: () => h.data, release };
  }
  const feeds = { X: new Tensor("float32", x, [T, m, nx]) };
  let y = feeds.X;
  const call = async (): Promise<number> => {
    y = (await session.run(feeds)).Y as OrtTensor;
    return last(y);
  };
  return { call, result: () => y.data, release };
});
