// Plain loops in float64 over a model's file: what every score is compared with.
import { callsBeforeCheck } from "./cases.js";
import type { LanguageCase, Reading } from "./language.js";
import { type ModelFile, stored } from "./model_file.js";
import { at, dot, sigmoid } from "./oracle.js";

interface Layer {
  n: number;
  na: number;
  weight_ih: Float64Array;
  weight_hh: Float64Array;
  bias: Float64Array;
}

interface Network {
  nx: number;
  embedding: Float64Array;
  layers: Layer[];
  decoder: Float64Array;
  bias: Float64Array;
}

function network(file: ModelFile): Network {
  const numbers = (name: string): Float64Array => Float64Array.from(stored(file, name).data);
  const layers: Layer[] = [];
  for (let k = 0; file.has(`lstm.weight_ih_l${k}`); k++) {
    const bias = numbers(`lstm.bias_ih_l${k}`);
    const other = numbers(`lstm.bias_hh_l${k}`);
    const na = bias.length / 4;
    const weight_ih = numbers(`lstm.weight_ih_l${k}`);
    layers.push({
      ...{ n: weight_ih.length / bias.length, na, weight_ih },
      weight_hh: numbers(`lstm.weight_hh_l${k}`),
      bias: bias.map((b, i) => b + at(other, i)),
    });
  }
  return {
    ...{ nx: layers[0]?.n ?? 0, embedding: numbers("embedding.weight"), layers },
    ...{ decoder: numbers("decoder.weight"), bias: numbers("decoder.bias") },
  };
}

/** The state of every layer, h then c. */
type State = [Float64Array, Float64Array][];

function step({ n, na, weight_ih, weight_hh, bias }: Layer, x: Float64Array, state: State[number]) {
  const [h, c] = state;
  const z = bias.map(
    (b, r) => b + dot(n, weight_ih, r * n, x, 0) + dot(na, weight_hh, r * na, h, 0),
  );
  for (let u = 0; u < na; u++) {
    const [i, f, g, o] = [0, 1, 2, 3].map((k) => at(z, k * na + u)) as [
      number,
      number,
      number,
      number,
    ];
    c[u] = sigmoid(f) * at(c, u) + sigmoid(i) * Math.tanh(g);
    h[u] = sigmoid(o) * Math.tanh(at(c, u));
  }
  return h;
}

/** log softmax(z)[token]. */
function logProbability({ decoder, bias }: Network, h: Float64Array, token: number): number {
  const z = bias.map((b, r) => b + dot(h.length, decoder, r * h.length, h, 0));
  const largest = Math.max(...z);
  return at(z, token) - largest - Math.log(z.reduce((sum, v) => sum + Math.exp(v - largest), 0));
}

/** Of every token but the first, given those before it; the state starts at zero. */
export function tokenLogProbabilities(file: ModelFile, tokens: readonly number[]): number[] {
  const net = network(file);
  const state: State = net.layers.map(({ na }) => [new Float64Array(na), new Float64Array(na)]);
  return tokens.slice(1).map((next, t) => {
    const row = (tokens[t] as number) * net.nx;
    let h: Float64Array = net.embedding.subarray(row, row + net.nx);
    net.layers.forEach((layer, k) => {
      h = step(layer, h, state[k] as State[number]);
    });
    return logProbability(net, h, next);
  });
}

/** Of a great case every 50th line and the last; that is seconds of plain loops. */
const scored = (i: number, m: number): boolean => m <= 200 || i % 50 === 0 || i === m - 1;

/** Of each line, NaN where it was left out; of a stream, the token that the last call before the check reads. */
export function expectedScores(
  one: LanguageCase,
  { model, vocabulary, lines }: Reading,
): Float64Array {
  const pushed = callsBeforeCheck(one.work);
  return Float64Array.from(lines, (line, i) => {
    if (!scored(i, lines.length)) return Number.NaN;
    const tokens = [...line].map((character) => vocabulary[character] as number);
    if (one.work === "stream-tokens") {
      return tokenLogProbabilities(model, tokens.slice(0, pushed)).at(-1) as number;
    }
    return tokenLogProbabilities(model, tokens).reduce((sum, value) => sum + value, 0);
  });
}
