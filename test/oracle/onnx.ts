/**
 * RNN, GRU and LSTM as ONNX's pages write them, in float64, one sequence and one unit at a time, on ONNX's own layouts.
 * Nothing here has a gate order or a shape of the engine's. The pages bound the input of every function by `clip`; as
 * onnxruntime 1.30 does, which no random node contradicts, h(c) is spared.
 */

export interface OnnxFunction {
  readonly name: string;
  readonly alpha?: number;
  readonly beta?: number;
}

interface Array3 {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface OnnxOracleNode {
  readonly operator: "RNN" | "GRU" | "LSTM";
  readonly direction: "forward" | "reverse" | "bidirectional";
  readonly clip?: number | undefined;
  readonly activations: readonly OnnxFunction[];
  readonly inputForget: boolean;
  readonly linearBeforeReset: boolean;
  readonly W: Array3;
  readonly R: Array3;
  readonly B?: Array3 | undefined;
  readonly P?: Array3 | undefined;
}

export interface OnnxOracleInputs {
  /** (T, m, nx). */
  readonly X: Array3;
  readonly lens?: ArrayLike<number> | undefined;
  readonly h?: Array3 | undefined;
  readonly c?: Array3 | undefined;
}

/** With ONNX's α and β where the node gives none. */
export function apply({ name, alpha, beta }: OnnxFunction, x: number): number {
  switch (name.toLowerCase()) {
    case "sigmoid":
      return 1 / (1 + Math.exp(-x));
    case "tanh":
      return Math.tanh(x);
    case "relu":
      return Math.max(0, x);
    case "affine":
      return (alpha ?? 1) * x + (beta ?? 0);
    case "leakyrelu":
      return x >= 0 ? x : (alpha ?? 0.01) * x;
    case "thresholdedrelu":
      return x > (alpha ?? 1) ? x : 0;
    case "scaledtanh":
      return (alpha ?? 1) * Math.tanh((beta ?? 1) * x);
    case "hardsigmoid":
      return Math.min(1, Math.max(0, (alpha ?? 0.2) * x + (beta ?? 0.5)));
    case "elu":
      return x >= 0 ? x : (alpha ?? 1) * Math.expm1(x);
    case "softsign":
      return x / (1 + Math.abs(x));
    case "softplus":
      return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    default:
      throw new Error(name);
  }
}

/** @returns Y (T, D, m, na), Y_h and Y_c (D, m, na) */
export function runOracle(node: OnnxOracleNode, { X, lens, h: h0, c: c0 }: OnnxOracleInputs) {
  const { operator, W, R, B, P } = node;
  const [T = 0, m = 0, nx = 0] = X.shape;
  const D = W.shape[0] ?? 1;
  const na = R.shape[2] ?? 0;
  const G = { RNN: 1, GRU: 3, LSTM: 4 }[operator];
  const functions = node.activations.length / D;
  const Y = new Float64Array(T * D * m * na);
  const Yh = new Float64Array(D * m * na);
  const Yc = new Float64Array(D * m * na);
  const bound = node.clip ?? Number.POSITIVE_INFINITY;
  const clamp = (x: number) => Math.min(bound, Math.max(-bound, x));
  for (let d = 0; d < D; d++) {
    const at = (k: number) => node.activations[d * functions + k] as OnnxFunction;
    const act = (k: number, x: number) => apply(at(k), clamp(x));
    const w = (g: number, j: number, i: number) =>
      W.data[((d * G + g) * na + j) * nx + i] as number;
    const r = (g: number, j: number, i: number) =>
      R.data[((d * G + g) * na + j) * na + i] as number;
    const wb = (g: number, j: number) => (B ? (B.data[(d * 2 * G + g) * na + j] as number) : 0);
    const rb = (g: number, j: number) => wb(g + G, j);
    const p = (g: number, j: number) => (P ? (P.data[(d * 3 + g) * na + j] as number) : 0);
    for (let b = 0; b < m; b++) {
      const state = (d * m + b) * na;
      let h = Array.from({ length: na }, (_, j) => Number(h0?.data[state + j] ?? 0));
      let c = Array.from({ length: na }, (_, j) => Number(c0?.data[state + j] ?? 0));
      const length = lens === undefined ? T : Number(lens[b]);
      for (let s = 0; s < length; s++) {
        const back = node.direction === "reverse" || d === 1;
        const t = back ? length - 1 - s : s;
        const units = h.map((_, j) => j);
        const previous = h;
        const memory = c;
        const ofX = (g: number, j: number) => {
          let sum = wb(g, j);
          for (let i = 0; i < nx; i++) sum += w(g, j, i) * (X.data[(t * m + b) * nx + i] as number);
          return sum;
        };
        const ofH = (g: number, j: number, from: readonly number[] = previous) =>
          from.reduce((sum, value, i) => sum + r(g, j, i) * value, rb(g, j));
        if (operator === "RNN") h = units.map((j) => act(0, ofX(0, j) + ofH(0, j)));
        else if (operator === "GRU") {
          const z = units.map((j) => act(0, ofX(0, j) + ofH(0, j)));
          const reset = units.map((j) => act(0, ofX(1, j) + ofH(1, j)));
          const kept = previous.map((value, j) => value * (reset[j] as number));
          h = units.map((j) => {
            const recurrent = node.linearBeforeReset
              ? (reset[j] as number) * ofH(2, j)
              : ofH(2, j, kept);
            const candidate = act(1, ofX(2, j) + recurrent);
            return (1 - (z[j] as number)) * candidate + (z[j] as number) * (previous[j] as number);
          });
        } else {
          const z = (g: number, j: number) => ofX(g, j) + ofH(g, j);
          c = units.map((j) => {
            const old = memory[j] as number;
            const i = act(0, z(0, j) + p(0, j) * old);
            const f = node.inputForget ? 1 - i : act(0, z(2, j) + p(2, j) * old);
            return f * old + i * act(1, z(3, j));
          });
          h = units.map((j) => {
            const next = c[j] as number;
            return act(0, z(1, j) + p(1, j) * next) * apply(at(2), next);
          });
        }
        h.forEach((value, j) => {
          Y[((t * D + d) * m + b) * na + j] = value;
        });
      }
      Yh.set(h, state);
      Yc.set(c, state);
    }
  }
  return { Y, Y_h: Yh, Y_c: Yc };
}
