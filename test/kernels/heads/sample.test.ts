import { describe, expect, it } from "vitest";
import { pick, type SamplingRule, samplingWeights, uniformAt } from "../../oracle/sampling.js";
import { openSampling, Workbench } from "../../support/kernels.js";
import { uniform } from "../../support/random.js";

const build = openSampling();
const { kernels } = build;

/** The map of a kernel, number by number. */
function mapped(x: readonly number[]): number[] {
  const bench = new Workbench(build);
  const [from, to] = [bench.constant("x", x), bench.output("y", x.length)];
  kernels.exp_map(x.length, from.pointer, to.pointer);
  return Array.from(to.read());
}

const exp = (x: number): number => mapped([x])[0] as number;

function logSoftmax(n: number, x: readonly number[]): number[] {
  const bench = new Workbench(build);
  const [from, to] = [bench.constant("x", x), bench.output("y", x.length)];
  kernels.log_softmax_rows(x.length / n, n, from.pointer, to.pointer);
  return Array.from(to.read());
}

interface Row {
  readonly logits: readonly number[];
  readonly seed: number;
  readonly drawn: number;
  readonly seen?: ReadonlySet<number>;
  readonly allowed?: ReadonlySet<number>;
}

/** The kernel on some rows, with seeds of 64 bits and flags if a row has some. */
function sample(n: number, rows: readonly Row[], rule: SamplingRule) {
  const bench = new Workbench(build);
  const hasFlags = rows.some(({ seen, allowed }) => seen !== undefined || allowed !== undefined);
  const bytes = rows.flatMap(({ seen, allowed }) =>
    Array.from(
      { length: n },
      (_, id) => (seen?.has(id) ? 1 : 0) + (allowed?.has(id) === false ? 2 : 0),
    ),
  );
  while (bytes.length % 4 !== 0) bytes.push(255);
  const flags = hasFlags
    ? bench.typed("flags", new Int32Array(Uint8Array.from(bytes).buffer)).pointer
    : 0;
  const words = rows.flatMap(({ seed, drawn }) => [
    seed >>> 0,
    Math.floor(seed / 2 ** 32),
    drawn,
    0,
  ]);
  const seeds = bench.integers("seeds", words);
  const logits = bench.constant(
    "logits",
    rows.flatMap((row) => row.logits),
  );
  // Two to a number.
  const tokens = bench.output("tokens", Math.ceil(rows.length / 2));
  const logProb = bench.output("logProb", rows.length);
  const scratch = bench.input("scratch", new Float64Array(3 * n));
  kernels.sample_rows(
    rows.length,
    n,
    rule.temperature ?? 1,
    rule.topK ?? 0,
    rule.topP ?? 1,
    rule.minP ?? 0,
    rule.repetitionPenalty ?? 1,
    logits.pointer,
    flags,
    seeds,
    tokens.pointer,
    logProb.pointer,
    scratch.pointer,
  );
  bench.check();
  const ids = new Int32Array(tokens.read().buffer);
  return { tokens: Array.from(ids.subarray(0, rows.length)), logProb: Array.from(logProb.read()) };
}

const next = uniform(7);
const numbers = (n: number, scale = 4) => Array.from({ length: n }, () => scale * next());
const subset = (n: number) =>
  new Set(Array.from({ length: n }, (_, id) => id).filter(() => next() > 0));

const RULES: readonly SamplingRule[] = [
  {},
  { temperature: 0 },
  { temperature: 0.3 },
  { temperature: 5 },
  { topK: 1 },
  { topK: 3 },
  { topK: 1000 },
  { topP: 0 },
  { topP: 0.5 },
  { topP: 0.95 },
  { minP: 0.2 },
  { minP: 1 },
  { repetitionPenalty: 1.3 },
  { repetitionPenalty: 0.5, topK: 2 },
  { temperature: 0.7, topK: 8, topP: 0.9, minP: 0.05, repetitionPenalty: 1.1 },
  { temperature: 0, repetitionPenalty: 3 },
];
const SIZES = [1, 2, 3, 4, 7, 65, 1001];

describe("sample_rows", () => {
  it.each(RULES.map((rule) => [JSON.stringify(rule), rule] as const))(
    "%s: the oracle's token at every size, with and without flags; log-probabilities in every bit as log_softmax_rows",
    (_, rule) => {
      for (const n of SIZES) {
        for (const withFlags of [false, true]) {
          const rows = Array.from({ length: 9 }, (_, r): Row => {
            const row = { logits: numbers(n), seed: r * 2 ** 45 + r, drawn: 3 * r };
            if (!withFlags) return row;
            // One token at least is allowed.
            return { ...row, seen: subset(n), allowed: subset(n).add(r % n) };
          });
          const { tokens, logProb } = sample(n, rows, rule);
          rows.forEach(({ logits, seed, drawn, seen, allowed }, r) => {
            const scores = logSoftmax(n, logits);
            const weights = samplingWeights(scores, rule, seen, allowed, exp);
            const token = pick(weights, uniformAt(BigInt(seed), BigInt(drawn)));
            expect(tokens[r], `n ${n}, row ${r}`).toBe(token);
            expect(logProb[r]).toBe(scores[token]);
          });
        }
      }
    },
  );

  it("of equal scores the lower ids come first: topK, topP and temperature 0", () => {
    const logits = [1, 2, 2, 2, 1];
    const kept = (rule: SamplingRule) => {
      const rows = Array.from({ length: 200 }, (_, seed) => ({ logits, seed, drawn: 0 }));
      return [...new Set(sample(5, rows, rule).tokens)].sort();
    };
    expect(kept({ topK: 2 })).toEqual([1, 2]);
    expect(kept({ topK: 4 })).toEqual([0, 1, 2, 3]);
    expect(kept({ topP: 0.3 })).toEqual([1, 2]);
    expect(kept({ temperature: 0 })).toEqual([1]);
    expect(kept({})).toEqual([0, 1, 2, 3, 4]);
  });

  it("draws each token as often as its weight says: χ² of 20,000 draws below the 0.999 quantile of 6 degrees", () => {
    const logits = [0, 1, -1, 0.5, 2, -2, 0.3];
    const rows = Array.from({ length: 20000 }, (_, i) => ({ logits, seed: 5, drawn: i }));
    const { tokens } = sample(7, rows, { temperature: 1.5 });
    const weights = samplingWeights(logSoftmax(7, logits), { temperature: 1.5 });
    const sum = weights.reduce((a, b) => a + b);
    const chi = weights.reduce((all, weight, id) => {
      const expected = (weight / sum) * tokens.length;
      return all + (tokens.filter((token) => token === id).length - expected) ** 2 / expected;
    }, 0);
    expect(chi).toBeLessThan(22.46);
  });

  it("a row without a token to draw gives −1 and NaN, whatever the rule; −Infinity is never drawn", () => {
    const { NaN: nan, NEGATIVE_INFINITY: none } = Number;
    for (const rule of RULES) {
      const rows = [
        [nan, 0, 1],
        [none, none, none],
        [Infinity, 0, 0],
        [none, 3, none],
      ];
      const { tokens, logProb } = sample(
        3,
        rows.map((logits) => ({ logits, seed: 1, drawn: 1 })),
        rule,
      );
      expect(tokens).toEqual([-1, -1, -1, 1]);
      expect(logProb).toEqual([nan, nan, nan, 0]);
      const nothing = sample(2, [{ logits: [1, 2], seed: 1, drawn: 1, allowed: new Set() }], rule);
      expect(nothing.tokens).toEqual([-1]);
    }
  });

  it("a temperature near 0 or beyond 1e300 keeps to the best ones, or to all", () => {
    const rows = Array.from({ length: 99 }, (_, seed) => ({ logits: [0, 1, 2], seed, drawn: 0 }));
    expect(new Set(sample(3, rows, { temperature: 5e-324 }).tokens)).toEqual(new Set([2]));
    expect(new Set(sample(3, rows, { temperature: 1e308 }).tokens)).toEqual(new Set([0, 1, 2]));
  });
});
