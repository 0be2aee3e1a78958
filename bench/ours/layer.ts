// Recurra's layers, the fast way: weights packed once, time-major tensors, outputs written to memory that exists already.
// Arguments: the precision, and `relaxed` for the build with fused multiply-add.
import { createEngine, createRecurrent, type Recurrent, type Tensor } from "recurra";
import { join } from "../cases/data.js";
import type { Job, Prepared } from "../timing/protocol.js";
import { runLayerWorker } from "../timing/worker.js";

type Numbers = Float64Array | Float32Array;
type Values = Tensor<Numbers>;
type Layer = Recurrent<Numbers>;
type Task = Pick<Prepared, "call" | "result">;

const precision = process.argv[2] === "f32" ? "f32" : "f64";
const relaxed = process.argv[3] === "relaxed";
const engine = await createEngine({ relaxed });
if (engine.features.relaxed !== relaxed) throw new Error("this host has no relaxed SIMD");

const numbers = (data: Float64Array): Numbers =>
  precision === "f32" ? Float32Array.from(data) : data;
const zeros = (...shape: number[]): Values => ({
  shape,
  data: numbers(new Float64Array(shape.reduce((a, b) => a * b, 1))),
});
const last = ({ data }: Values): number => data[data.length - 1] as number;

interface Parts {
  layer: Layer;
  state: ReturnType<Layer["createState"]>;
  x: Values;
  job: Job;
}

function step({ layer, state, x, job: { m, nx, T } }: Parts): Task {
  const steps = Array.from({ length: T }, (_, t) => ({
    shape: [m, nx],
    data: x.data.subarray(t * m * nx, (t + 1) * m * nx),
  }));
  let t = 0;
  let y = zeros(0);
  return {
    call: () => {
      y = layer.step(steps[t++ % T] as Values, state);
      return last(y);
    },
    result: () => y.data,
  };
}

function forward({ layer, state, x, job: { work, m, na, T } }: Parts): Task {
  const out = zeros(T, m, na);
  const h = zeros(1, m, na);
  const start = work === "rnn-forward" ? { h } : { h, c: zeros(1, m, na) };
  return {
    call: () => {
      state.write(start);
      layer.forward(x, state, { out });
      return last(out);
    },
    result: () => out.data,
  };
}

function train({ layer, state, x, job: { m, na, T } }: Parts, data: Float64Array): Task {
  const dy = { shape: [T, m, na], data };
  const out = zeros(T, m, na);
  const start = { h: zeros(1, m, na), c: zeros(1, m, na) };
  let gradients: ReturnType<Layer["backward"]> | undefined;
  return {
    call: () => {
      state.write(start);
      const { tape } = layer.forward(x, state, { out, keepTape: true });
      if (tape === undefined) throw new Error("forward gave no tape");
      gradients = layer.backward(dy, tape, {}, gradients && { out: gradients });
      tape.dispose();
      return last(gradients.dx);
    },
    result: () => {
      if (gradients === undefined) throw new Error("no call yet");
      const { weight_ih_l0, weight_hh_l0, bias_ih_l0 } = gradients.gradients;
      return join(gradients.dx.data, weight_ih_l0.data, weight_hh_l0.data, bias_ih_l0.data);
    },
  };
}

await runLayerWorker((job, o) => {
  const { work, nx, na, m, T } = job;
  const cell = work === "rnn-forward" ? "rnn" : "lstm";
  const options = { cell, inputSize: nx, hiddenSize: na, precision } as const;
  const layer: Layer = createRecurrent(engine, options);
  layer.load({
    weight_ih_l0: o.weight_ih,
    weight_hh_l0: o.weight_hh,
    bias_ih_l0: o.bias_ih,
    bias_hh_l0: o.bias_hh,
  });
  const parts = {
    layer,
    state: layer.createState(m),
    x: { shape: [T, m, nx], data: numbers(o.x) },
    job,
  };
  const release = (): void => {
    parts.state.dispose();
    layer.dispose();
  };
  if (work === "lstm-step") return { ...step(parts), release };
  return { ...(work === "lstm-train" ? train(parts, o.dy) : forward(parts)), release };
});
