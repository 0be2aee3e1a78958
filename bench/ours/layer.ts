// Recurra by its fast road: weights packed once, time-major tensors, outputs into memory that is already there.
import { createEngine } from "recurra";
import { join } from "../cases/oracle.js";
import type { Job, Prepared } from "../race/protocol.js";
import { serve } from "../race/serve.js";
import { createRecurrent, type Layer, type Numbers, type Shaped, type State } from "./fast_road.js";

const precision = process.argv[2] === "f32" ? "f32" : "f64";
const engine = await createEngine();
const numbers = (data: Float64Array): Numbers =>
  precision === "f32" ? Float32Array.from(data) : data;
const zeros = (...shape: number[]): Shaped => ({
  shape,
  data: numbers(new Float64Array(shape.reduce((a, b) => a * b, 1))),
});
const last = ({ data }: Shaped): number => data[data.length - 1] as number;

interface Parts {
  layer: Layer;
  state: State;
  x: Shaped;
  job: Job;
}

function step({ layer, state, x, job: { m, nx, T } }: Parts): Omit<Prepared, "release"> {
  const steps = Array.from({ length: T }, (_, t) => ({
    shape: [m, nx],
    data: x.data.subarray(t * m * nx, (t + 1) * m * nx),
  }));
  let t = 0;
  let y = zeros(0);
  return {
    call: () => {
      y = layer.step(steps[t++ % T] as Shaped, state);
      return last(y);
    },
    result: () => y.data,
  };
}

function forward({ layer, state, x, job: { work, m, na, T } }: Parts): Omit<Prepared, "release"> {
  const out = zeros(T, m, na);
  const start = { h: zeros(1, m, na), ...(work === "rnn-forward" ? {} : { c: zeros(1, m, na) }) };
  return {
    call: () => {
      state.write(start);
      layer.forward(x, state, { out });
      return last(out);
    },
    result: () => out.data,
  };
}

function train(parts: Parts, dyData: Float64Array): Omit<Prepared, "release"> {
  const { layer, state, x, job } = parts;
  const { m, na, T } = job;
  const dy = { shape: [T, m, na], data: numbers(dyData) };
  const out = zeros(T, m, na);
  const start = { h: zeros(1, m, na), c: zeros(1, m, na) };
  let gradients: ReturnType<Layer["backward"]>;
  return {
    call: () => {
      state.write(start);
      const { tape } = layer.forward(x, state, { out, keepTape: true });
      if (tape === undefined) throw new Error("forward gave no tape");
      gradients = layer.backward(dy, tape);
      tape.dispose();
      return last(gradients.dx);
    },
    result: () => {
      const { dx, weight_ih_l0, weight_hh_l0, bias_ih_l0 } = gradients;
      return join(dx.data, weight_ih_l0.data, weight_hh_l0.data, bias_ih_l0.data);
    },
  };
}

await serve((job, o) => {
  const { work, nx, na, m, T } = job;
  const cell = work === "rnn-forward" ? "rnn" : "lstm";
  const layer = createRecurrent(engine, { cell, inputSize: nx, hiddenSize: na, precision });
  layer.load({
    ...{ weight_ih_l0: numbers(o.weight_ih), weight_hh_l0: numbers(o.weight_hh) },
    ...{ bias_ih_l0: numbers(o.bias_ih), bias_hh_l0: numbers(o.bias_hh) },
  });
  const x = { shape: [T, m, nx], data: numbers(o.x) };
  const parts = { layer, state: layer.createState(m), x, job };
  const release = (): void => layer.dispose();
  if (work === "lstm-step") return { ...step(parts), release };
  return { ...(work === "lstm-train" ? train(parts, o.dy) : forward(parts)), release };
});
