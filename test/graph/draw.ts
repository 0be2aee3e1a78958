import {
  DOUBLE,
  FLOAT,
  type ModelSpec,
  model,
  type NodeSpec,
  type OnnxArray,
  type Setting,
} from "../formats/onnx/writer.js";
import * as oracle from "../oracle/graph.js";
import { runOracle } from "../oracle/onnx.js";
import { type Tensor, zeros } from "../oracle/tensor.js";
import { uniform } from "../support/random.js";

/** A value of a drawn graph: its name and, by the oracle, its numbers. */
interface Drawn {
  readonly name: string;
  readonly tensor: Tensor;
}

/** A graph of random operators, and what the oracle makes of it. */
export interface DrawnGraph {
  readonly bytes: Uint8Array;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly operators: readonly string[];
}

const FUNCTIONS: Record<string, (x: number) => number> = {
  Neg: (x) => -x,
  Abs: Math.abs,
  Tanh: Math.tanh,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Relu: (x) => Math.max(x, 0),
  LeakyRelu: (x) => (x < 0 ? 0.01 * x : x),
  Elu: (x) => (x < 0 ? Math.expm1(x) : x),
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Softsign: (x) => x / (1 + Math.abs(x)),
  HardSigmoid: (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5)),
  Sin: Math.sin,
  Cos: Math.cos,
  Identity: (x) => x,
};

const PAIRS: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Max: Math.max,
  Min: Math.min,
  PRelu: (a, b) => (a < 0 ? a * b : a),
};

const REDUCTIONS: Record<string, (values: readonly number[]) => number> = {
  ReduceMean: (values) => values.reduce((a, b) => a + b, 0) / values.length,
  ReduceMax: (values) => Math.max(...values),
  ReduceMin: (values) => Math.min(...values),
  ReduceL2: (values) => Math.hypot(...values),
  ReduceL1: (values) => values.reduce((a, b) => a + Math.abs(b), 0),
  ReduceSumSquare: (values) => values.reduce((a, b) => a + b * b, 0),
};

class Draw {
  readonly values: Drawn[] = [];
  readonly nodes: NodeSpec[] = [];
  readonly initializers: Record<string, OnnxArray> = {};
  readonly #next: () => number;
  readonly #double: boolean;
  #count = 0;

  constructor(seed: number, double: boolean) {
    this.#next = uniform(seed);
    this.#double = double;
  }

  /** An integer from `least` to `most`. */
  integer(least: number, most: number): number {
    return least + Math.floor(((this.#next() + 1) / 2) * (most - least + 1) * 0.999999);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)] as T;
  }

  chance(): boolean {
    return this.#next() > 0;
  }

  /** Numbers that both precisions hold. */
  tensor(...shape: number[]): Tensor {
    const data = zeros(...shape).data.map(() => Math.fround(this.#next()));
    return { shape, data };
  }

  /** A weight: its name, and its numbers. */
  weight(...shape: number[]): Drawn {
    const tensor = this.tensor(...shape);
    const name = `w${this.#count++}`;
    const data = this.#double ? tensor.data : Float32Array.from(tensor.data);
    this.initializers[name] = { shape, data };
    return { name, tensor };
  }

  integers(list: readonly number[]): string {
    const name = `i${this.#count++}`;
    this.initializers[name] = { shape: [list.length], data: BigInt64Array.from(list, BigInt) };
    return name;
  }

  /** Adds a node with these results. */
  node(
    operator: string,
    inputs: readonly string[],
    results: readonly Tensor[],
    attributes: Record<string, Setting> = {},
  ): void {
    const outputs = results.map(() => `v${this.#count++}`);
    this.nodes.push({ operator, inputs, outputs, attributes });
    results.forEach((tensor, i) => {
      this.values.push({ name: outputs[i] as string, tensor });
    });
  }
}

type Rule = (draw: Draw, x: Drawn) => void;

const axisOf = (draw: Draw, { tensor }: Drawn): number => draw.integer(0, tensor.shape.length - 1);

/** A rank that a rule needs, made by a Reshape if the value has another. */
function ranked(draw: Draw, x: Drawn, ranks: readonly number[]): Drawn {
  const { shape } = x.tensor;
  if (ranks.includes(shape.length)) return x;
  const rank = draw.pick(ranks);
  const total = oracle.size(shape);
  const factors: number[] = [];
  let rest = total;
  for (let i = 1; i < rank; i++) {
    const divisors = Array.from({ length: rest }, (_, d) => d + 1).filter((d) => rest % d === 0);
    factors.push(draw.pick(divisors));
    rest /= factors.at(-1) as number;
  }
  const target = [...factors, rest];
  draw.node("Reshape", [x.name, draw.integers(target)], [oracle.reshape(x.tensor, target)]);
  return draw.values.at(-1) as Drawn;
}

function windowOf(draw: Draw, spatial: readonly number[], kernel: readonly number[]) {
  const window = {
    strides: spatial.map(() => draw.integer(1, 3)),
    dilations: spatial.map((n, i) => ((kernel[i] as number) * 2 - 1 <= n ? draw.integer(1, 2) : 1)),
    pads: [...spatial, ...spatial].map(() => 0),
  };
  window.pads = window.pads.map((_, i) =>
    draw.integer(0, Math.max((kernel[i % kernel.length] as number) - 1, 0)),
  );
  return window;
}

const RULES: Record<string, Rule> = {
  unary: (draw, { name, tensor }) => {
    const operator = draw.pick(Object.keys(FUNCTIONS));
    draw.node(operator, [name], [oracle.map(tensor, FUNCTIONS[operator] as (x: number) => number)]);
  },
  binary: (draw, x) => {
    const operator = draw.pick(Object.keys(PAIRS));
    const { shape } = x.tensor;
    const same = draw.values.filter(({ tensor }) => `${tensor.shape}` === `${shape}`);
    const short = shape.slice(draw.integer(0, shape.length)).map((n) => (draw.chance() ? n : 1));
    const other = draw.chance() ? draw.pick(same) : draw.weight(...short);
    const f = PAIRS[operator] as (a: number, b: number) => number;
    draw.node(operator, [x.name, other.name], [oracle.combine(f, x.tensor, other.tensor)]);
  },
  where: (draw, x) => {
    const limit = draw.weight(1);
    const other = draw.weight(...x.tensor.shape);
    const condition = oracle.combine((a, b) => Number(a > b), x.tensor, limit.tensor);
    const name = `c${draw.nodes.length}`;
    draw.nodes.push({ operator: "Greater", inputs: [x.name, limit.name], outputs: [name] });
    const chosen = oracle.combine((c, a, b) => (c ? a : b), condition, x.tensor, other.tensor);
    draw.node("Where", [name, x.name, other.name], [chosen]);
  },
  transpose: (draw, { name, tensor }) => {
    const order = tensor.shape.map((_, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const j = draw.integer(0, i);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    draw.node("Transpose", [name], [oracle.transpose(tensor, order)], { perm: order });
  },
  reshape: (draw, x) => {
    const other = [1, 2, 3, 4].filter((rank) => rank !== x.tensor.shape.length);
    ranked(draw, x, other);
  },
  unsqueeze: (draw, x) => {
    if (x.tensor.shape.length > 4) return;
    const axis = draw.integer(0, x.tensor.shape.length);
    const shape = [...x.tensor.shape.slice(0, axis), 1, ...x.tensor.shape.slice(axis)];
    draw.node("Unsqueeze", [x.name, draw.integers([axis])], [oracle.reshape(x.tensor, shape)]);
  },
  slice: (draw, x) => {
    const axis = axisOf(draw, x);
    const n = x.tensor.shape[axis] as number;
    const step = draw.pick([1, 1, 2, -1, -2]);
    const first = draw.integer(0, n - 1);
    const count = draw.integer(
      1,
      step > 0 ? Math.ceil((n - first) / step) : Math.ceil((first + 1) / -step),
    );
    const end = first + count * step;
    const ends = end < 0 ? -1 - n : end;
    draw.node(
      "Slice",
      [
        x.name,
        draw.integers([first]),
        draw.integers([ends]),
        draw.integers([axis]),
        draw.integers([step]),
      ],
      [oracle.slice(x.tensor, axis, { start: first, count, step })],
    );
  },
  split: (draw, x) => {
    const axis = axisOf(draw, x);
    const n = x.tensor.shape[axis] as number;
    if (n < 2) return;
    const first = draw.integer(1, n - 1);
    const parts = [
      oracle.slice(x.tensor, axis, { start: 0, count: first, step: 1 }),
      oracle.slice(x.tensor, axis, { start: first, count: n - first, step: 1 }),
    ];
    draw.node("Split", [x.name, draw.integers([first, n - first])], parts, { axis });
  },
  concat: (draw, x) => {
    const axis = axisOf(draw, x);
    const fits = draw.values.filter(
      ({ tensor: { shape } }) =>
        shape.length === x.tensor.shape.length &&
        shape.every((n, i) => i === axis || n === x.tensor.shape[i]),
    );
    const others = [x, draw.pick(fits), ...(draw.chance() ? [draw.weight(...x.tensor.shape)] : [])];
    const y = oracle.concat(
      others.map(({ tensor }) => tensor),
      axis,
    );
    draw.node(
      "Concat",
      others.map(({ name }) => name),
      [y],
      { axis },
    );
  },
  expand: (draw, x) => {
    const shape = x.tensor.shape.map((n) => (n === 1 ? draw.integer(1, 3) : n));
    if (shape.length < 4 && draw.chance()) shape.unshift(2);
    draw.node("Expand", [x.name, draw.integers(shape)], [oracle.expand(x.tensor, shape)]);
  },
  tile: (draw, x) => {
    const repeats = x.tensor.shape.map(() => draw.pick([1, 1, 2]));
    const y = repeats.reduce(
      (value, r, axis) =>
        oracle.concat(
          Array.from({ length: r }, () => value),
          axis,
        ),
      x.tensor,
    );
    draw.node("Tile", [x.name, draw.integers(repeats)], [y]);
  },
  pad: (draw, x) => {
    const mode = draw.pick(["constant", "reflect", "edge"]);
    const side = () =>
      x.tensor.shape.map((n) => draw.integer(0, mode === "reflect" ? Math.min(n - 1, 2) : 2));
    const [before, after] = [side(), side()];
    const y = oracle.pad(x.tensor, { before, after, mode });
    draw.node("Pad", [x.name, draw.integers([...before, ...after])], [y], { mode });
  },
  gather: (draw, x) => {
    const axis = axisOf(draw, x);
    const n = x.tensor.shape[axis] as number;
    const list = Array.from({ length: draw.integer(1, 3) }, () => draw.integer(-n, n - 1));
    const parts = list.map((i) =>
      oracle.slice(x.tensor, axis, { start: i < 0 ? i + n : i, count: 1, step: 1 }),
    );
    draw.node("Gather", [x.name, draw.integers(list)], [oracle.concat(parts, axis)], { axis });
  },
  reduce: (draw, x) => {
    const operator = draw.pick(Object.keys(REDUCTIONS));
    const axes = x.tensor.shape.map((_, i) => i).filter(() => draw.chance());
    const keepdims = draw.integer(0, 1);
    const all = axes.length === 0 ? x.tensor.shape.map((_, i) => i) : axes;
    const f = REDUCTIONS[operator] as (values: readonly number[]) => number;
    const given = axes.length === 0 ? {} : { axes };
    const y = oracle.reduce(x.tensor, all, keepdims === 1, f);
    draw.node(operator, [x.name], [y], { ...given, keepdims });
  },
  softmax: (draw, x) => {
    const axis = axisOf(draw, x);
    const log = draw.chance();
    const y = oracle.softmax(x.tensor, axis, log);
    draw.node(log ? "LogSoftmax" : "Softmax", [x.name], [y], { axis });
  },
  cumulate: (draw, x) => {
    const axis = axisOf(draw, x);
    const [exclusive, reverse] = [draw.integer(0, 1), draw.integer(0, 1)];
    const name = `a${draw.nodes.length}`;
    draw.initializers[name] = { shape: [], data: BigInt64Array.of(BigInt(axis)) };
    const y = oracle.cumulate(x.tensor, axis, exclusive === 1, reverse === 1);
    draw.node("CumSum", [x.name, name], [y], { exclusive, reverse });
  },
  matmul: (draw, given) => {
    const x = ranked(draw, given, [2, 3, 4]);
    const k = x.tensor.shape.at(-1) as number;
    const leading = draw.chance()
      ? []
      : x.tensor.shape.slice(0, -2).map((n) => (draw.chance() ? n : 1));
    const w = draw.weight(...leading, k, draw.integer(1, 9));
    draw.node("MatMul", [x.name, w.name], [oracle.matmul(x.tensor, w.tensor)]);
    if (draw.chance()) {
      const y = draw.values.at(-1) as Drawn;
      const bias = draw.weight(y.tensor.shape.at(-1) as number);
      draw.node(
        "Add",
        [y.name, bias.name],
        [oracle.combine((a, b) => a + b, y.tensor, bias.tensor)],
      );
    }
  },
  attention: (draw, given) => {
    const x = ranked(draw, given, [2, 3]);
    const rank = x.tensor.shape.length;
    const order = x.tensor.shape.map((_, i) => i);
    [order[rank - 1], order[rank - 2]] = [rank - 2, rank - 1];
    const turned = oracle.transpose(x.tensor, order);
    draw.node("Transpose", [x.name], [turned], { perm: order });
    const y = draw.values.at(-1) as Drawn;
    draw.node("MatMul", [x.name, y.name], [oracle.matmul(x.tensor, turned)]);
  },
  conv: (draw, given) => {
    const x = ranked(draw, given, [3, 4]);
    const [, C, ...spatial] = x.tensor.shape as [number, number, ...number[]];
    const groups = draw.pick([1, 1, C, ...(C % 2 === 0 ? [2] : [])]);
    const kernel = spatial.map((n) => draw.integer(1, Math.min(n, 3)));
    const M = groups * draw.integer(1, groups === 1 ? 9 : 2);
    const [W, B] = [draw.weight(M, C / groups, ...kernel), draw.weight(M)];
    const window = windowOf(draw, spatial, kernel);
    const named = draw.chance() ? [B] : [];
    const y = oracle.conv(x.tensor, W.tensor, named[0]?.tensor, { ...window, groups });
    const inputs = [x.name, W.name, ...named.map(({ name }) => name)];
    draw.node("Conv", inputs, [y], { ...window, group: groups, kernel_shape: kernel });
    if (draw.chance()) {
      const z = draw.values.at(-1) as Drawn;
      draw.node("Relu", [z.name], [oracle.map(z.tensor, (v) => Math.max(v, 0))]);
    }
  },
  convTranspose: (draw, given) => {
    const x = ranked(draw, given, [3, 4]);
    const [, C, ...spatial] = x.tensor.shape as [number, number, ...number[]];
    const groups = draw.pick([1, ...(C % 2 === 0 ? [2] : [])]);
    const kernel = spatial.map(() => draw.integer(1, 3));
    const W = draw.weight(C, draw.integer(1, 3), ...kernel);
    const window = {
      strides: spatial.map(() => draw.integer(1, 2)),
      dilations: spatial.map(() => draw.integer(1, 2)),
      pads: [...spatial, ...spatial].map(() => 0),
    };
    const y = oracle.convTranspose(x.tensor, W.tensor, undefined, { ...window, groups });
    draw.node("ConvTranspose", [x.name, W.name], [y], {
      ...window,
      group: groups,
      kernel_shape: kernel,
    });
  },
  pool: (draw, given) => {
    const x = ranked(draw, given, [3, 4]);
    const spatial = x.tensor.shape.slice(2);
    const kernel = spatial.map((n) => draw.integer(1, Math.min(n, 3)));
    const { strides, pads } = windowOf(draw, spatial, kernel);
    const window = { strides, pads, dilations: spatial.map(() => 1) };
    const mode = draw.pick(["max", "mean", "meanWithPadding"] as const);
    const y = oracle.pool(x.tensor, kernel, window, mode);
    const counted = mode === "meanWithPadding" ? { count_include_pad: 1 } : {};
    const operator = mode === "max" ? "MaxPool" : "AveragePool";
    draw.node(operator, [x.name], [y], { kernel_shape: kernel, strides, pads, ...counted });
  },
  normalise: (draw, x) => {
    const axis = axisOf(draw, x);
    const shape = x.tensor.shape.slice(axis);
    const [scale, bias] = [draw.weight(...shape), draw.weight(...shape)];
    const y = oracle.combine(
      (v, s, b) => v * s + b,
      oracle.normalise(x.tensor, axis, Math.fround(0.1)),
      scale.tensor,
      bias.tensor,
    );
    const attributes = { axis, epsilon: { float: Math.fround(0.1) } };
    draw.node("LayerNormalization", [x.name, scale.name, bias.name], [y], attributes);
  },
  recurrent: (draw, given) => {
    const x = ranked(draw, given, [3]);
    const [T, m, nx] = x.tensor.shape as [number, number, number];
    const operator = draw.pick(["LSTM", "GRU", "RNN"] as const);
    const G = { LSTM: 4, GRU: 3, RNN: 1 }[operator];
    const direction = draw.pick(["forward", "reverse", "bidirectional"] as const);
    const D = direction === "bidirectional" ? 2 : 1;
    const na = draw.integer(1, 5);
    const linear = draw.integer(0, 1);
    const [W, R, B] = [
      draw.weight(D, G * na, nx),
      draw.weight(D, G * na, na),
      draw.weight(D, 2 * G * na),
    ];
    const names = { LSTM: ["Sigmoid", "Tanh", "Tanh"], GRU: ["Sigmoid", "Tanh"], RNN: ["Tanh"] }[
      operator
    ];
    const once = names.map((name) => ({ name }));
    const node = {
      operator,
      direction,
      W: W.tensor,
      R: R.tensor,
      B: B.tensor,
      inputForget: false,
      activations: D === 2 ? [...once, ...once] : once,
      linearBeforeReset: linear === 1,
    };
    const { Y, Y_h, Y_c } = runOracle(node, { X: x.tensor });
    const state = [D, m, na];
    const results = [
      { shape: [T, D, m, na], data: Y },
      { shape: state, data: Y_h },
      ...(operator === "LSTM" ? [{ shape: state, data: Y_c }] : []),
    ];
    const attributes = {
      hidden_size: na,
      direction,
      ...(operator === "GRU" ? { linear_before_reset: linear } : {}),
    };
    draw.node(operator, [x.name, W.name, R.name, B.name], results, attributes);
  },
};

/** A random graph of about `count` operators. */
export function drawGraph(seed: number, count: number, { double = false } = {}): DrawnGraph {
  const draw = new Draw(seed, double);
  const rank = draw.integer(1, 4);
  const shape = Array.from({ length: rank }, () => draw.integer(1, 6));
  const x = { name: "x", tensor: draw.tensor(...shape) };
  draw.values.push(x);
  for (let i = 0; i < count; i++) {
    // Late values more often: graphs are deep rather than broad.
    const from = Math.max(draw.values.length - 3, 0);
    const value = draw.values[
      draw.chance()
        ? draw.integer(from, draw.values.length - 1)
        : draw.integer(0, draw.values.length - 1)
    ] as Drawn;
    if (value.tensor.shape.length === 0 || oracle.size(value.tensor.shape) > 400) continue;
    (RULES[draw.pick(Object.keys(RULES))] as Rule)(draw, value);
  }
  // What nobody reads is an output, and of the rest every third.
  const read = new Set(draw.nodes.flatMap(({ inputs }) => inputs));
  const made = draw.values.filter(({ name }) => name !== "x");
  const wanted = made.filter(({ name }, i) => !read.has(name) || i % 3 === 0);
  const dtype = double ? DOUBLE : FLOAT;
  const spec: ModelSpec = {
    nodes: draw.nodes,
    initializers: draw.initializers,
    inputs: [["x", dtype, shape]],
    outputs: wanted.map(({ name }) => [name, dtype]),
    opset: 17,
  };
  return {
    bytes: model(spec),
    inputs: { x: x.tensor },
    outputs: Object.fromEntries(wanted.map(({ name, tensor }) => [name, tensor])),
    operators: draw.nodes.map(({ operator }) => operator),
  };
}
