// The benchmarks stay honest: their shortest run works, its table is complete, and every output was checked. No assertion
// is about times.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as cases from "../../bench/cases/cases.js";
import { relativeError, subnormalShare, tolerance } from "../../bench/cases/check.js";
import { makeOperands } from "../../bench/cases/data.js";
import { expected, expectedScores, tokenLogProbabilities } from "../../bench/cases/expected.js";
import * as language from "../../bench/cases/language.js";
import { readModelFile, writeModelFile } from "../../bench/cases/model_file.js";
import { CEILING_OPERATIONS, shapeModule } from "../../bench/ours/ceiling_module.js";
import type { Results } from "../../bench/report/results.js";
import * as fixture from "../support/fixtures.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "recurra-bench-test-"));
let results: Results;
let table: string;

beforeAll(() => {
  const words = ["bench/run.mjs", "--check", "--out", out];
  execFileSync(process.execPath, words, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  results = JSON.parse(readFileSync(join(out, "check.json"), "utf8"));
  table = readFileSync(join(out, "check.md"), "utf8");
}, 300_000);

afterAll(() => rmSync(out, { recursive: true }));

const { forwardCases, stepCases, rnnCases, trainCases, mapCases } = cases;
const shared = [forwardCases, stepCases, rnnCases, trainCases, mapCases].flat();
const precisions = ["f64", "f32"] as const;
const series = precisions.flatMap((precision) =>
  [...cases.linearInT, ...cases.linearInM, ...cases.subnormalCases(precision)].map((one) => {
    return { name: one.name, precision, one };
  }),
);

describe("a run of the bench", () => {
  it("fails nowhere", () => {
    expect(results.outcomes.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });

  it.each(shared)("$work $name: ours and the plain loop are checked, then timed", (one) => {
    const found = results.outcomes.filter(
      ({ case: { work, name } }) => work === one.work && name === one.name,
    );
    const map = one.work.endsWith("map");
    const ids = found.map(({ contender }) => contender);
    const inference = ["f64", "f32", "ceiling64", "ceiling32", "plain"];
    const training = ["f64", "ceiling64", "plain"];
    const others = one.work === "lstm-train" ? training : inference;
    expect(ids.sort()).toEqual((map ? ["maps64", "maps32", "plain"] : others).sort());
    for (const { contender, error, figures } of found) {
      expect(figures?.median).toBeGreaterThan(0);
      if (contender.startsWith("ceiling")) continue;
      expect(error).toBeLessThanOrEqual(
        tolerance(contender.endsWith("32") ? "f32" : "f64", one.work),
      );
    }
  });

  it.each([...language.languageCases, language.firstModelCase])(
    "$work $name: ours are checked, then timed",
    (one) => {
      const found = results.outcomes.filter(
        ({ case: { work, name } }) => work === one.work && name === one.name,
      );
      const models = found.filter(({ contender }) => !contender.startsWith("ceiling"));
      expect(models.map(({ contender }) => contender)).toEqual(["language64", "language32"]);
      for (const { contender, error, figures, tokens } of models) {
        expect(figures?.median).toBeGreaterThan(0);
        if (one !== language.firstModelCase) {
          const precision = contender === "language32" ? "f32" : "f64";
          expect(error).toBeLessThanOrEqual(tolerance(precision, one.work));
        }
        if (one.work === "stream-tokens") expect(tokens).toBe(5);
      }
      expect(found.length - models.length).toBe(one.work === "score-lines" ? 2 : 0);
    },
  );

  it.each(series)("$precision alone, $name: checked, then timed", ({ precision, one }) => {
    const found = results.outcomes.find(
      (outcome) => outcome.contender === precision && outcome.case.name === one.name,
    );
    expect(found?.error).toBeLessThanOrEqual(tolerance(precision, one.work));
    expect(found?.figures?.median).toBeGreaterThan(0);
  });

  it("has a row for every case, the goals, and the start-up", () => {
    const rows = table.split("\n").filter((line) => line.startsWith("| "));
    for (const { work, name } of shared.filter(({ name }) => /^S\d$/.test(name))) {
      const title = { "lstm-forward": "LSTM forward", "rnn-forward": "RNN forward" }[
        work as string
      ];
      expect(rows.some((row) => row.includes(`| ${name} `) && row.includes(title ?? "LSTM"))).toBe(
        true,
      );
    }
    expect(rows.filter((row) => row.includes("Recurra f64 ") && row.includes("k/s"))).toHaveLength(
      1,
    );
    expect(table).toContain("| verdict");
    expect(table).not.toContain("failed");
    expect(table).toContain("f64 LSTM forward of one step, 3 inputs, 5 units");
    for (const kind of ["empty", "layer", "text"] as const) {
      expect(results.startUp?.[kind].median).toBeGreaterThan(0);
    }
    expect(results.machine.commit).not.toBe("");
  });
});

describe("the parts of a run", () => {
  const small = (work: cases.Work): cases.Case => {
    return { nx: 3, na: 4, m: 2, T: 3, name: "small", work, data: "usual" };
  };

  it("a wrong number, a NaN and a missing number are found", () => {
    const right = Float64Array.of(1, -2, 3);
    expect(relativeError(right.slice(), right)).toBe(0);
    expect(relativeError(Float64Array.of(1, -2, 3.3), right)).toBeCloseTo(0.1);
    expect(relativeError(Float64Array.of(1, Number.NaN, 3), right)).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError(right.subarray(1), right)).toBe(Number.POSITIVE_INFINITY);
  });

  it("the oracle's gradients are the slopes of Σ y·dy, to 1e-7", () => {
    const operands = makeOperands(small("lstm-train"));
    const gradients = expected(small("lstm-train"), operands, "usual");
    const loss = (): number =>
      expected(small("lstm-forward"), operands, "usual").reduce(
        (sum, y, i) => sum + y * (operands.dy[i] as number),
        0,
      );
    const parts = [operands.x, operands.weight_ih, operands.weight_hh, operands.bias_ih];
    let at = 0;
    for (const part of parts) {
      part.forEach((value, i) => {
        part[i] = value + 1e-5;
        const above = loss();
        part[i] = value - 1e-5;
        const slope = (above - loss()) / 2e-5;
        part[i] = value;
        expect(Math.abs(slope - (gradients[at++] as number))).toBeLessThan(1e-7);
      });
    }
    expect(at).toBe(gradients.length);
  });

  it("any number but NaN passes where the oracle computed none", () => {
    const right = Float64Array.of(1, Number.NaN);
    expect(relativeError(Float64Array.of(1, 7), right)).toBe(0);
    expect(relativeError(Float64Array.of(1, Number.NaN), right)).toBe(Number.POSITIVE_INFINITY);
  });

  const { shakespeare, seeded } = {
    shakespeare: { ...language.scoreCase, m: 300, T: 4 },
    seeded: { ...language.streamCase, m: 2, T: 10 },
  };

  it("lines are the same each time, fewer are the first of more, and their mean length is T", () => {
    for (const one of [shakespeare, seeded]) {
      const { lines } = language.makeReading(one);
      expect(language.makeReading(one).lines).toEqual(lines);
      expect(language.makeReading({ ...one, m: 2 }).lines).toEqual(lines.slice(0, 2));
      const mean = lines.reduce((sum, { length }) => sum + length, 0) / lines.length;
      expect(Math.abs(mean - one.T)).toBeLessThan(0.3);
    }
  });

  it("the bench's model files read back as they were written", () => {
    const { model } = language.makeReading(seeded);
    expect(readModelFile(writeModelFile(model))).toEqual(model);
  });

  it("the language oracle's probabilities of all next tokens sum to 1, to 1e-14", () => {
    const { model } = language.makeReading(seeded);
    const next = Array.from({ length: 65 }, (_, k) => tokenLogProbabilities(model, [3, 1, k])[1]);
    const sum = next.reduce((all: number, value) => all + Math.exp(value as number), 0);
    expect(Math.abs(sum - 1)).toBeLessThan(1e-14);
  });

  it("the language oracle scores some lines of a large case, and the last", () => {
    const { model, ...reading } = language.makeReading(shakespeare);
    const scores = expectedScores(shakespeare, { model, ...reading });
    const known = [...scores].flatMap((value, i) => (Number.isNaN(value) ? [] : [i]));
    expect(known).toEqual([0, 50, 100, 150, 200, 250, 299]);
  });

  it("the language oracle scores lines as PyTorch does in f64, to 1e-12 nats", () => {
    const { model, vocabulary } = language.readShakespeare();
    for (const { text, log_prob } of fixture.shakespeare().reference.lines.slice(0, 8)) {
      const tokens = [...text].map((character) => vocabulary[character] as number);
      const sum = tokenLogProbabilities(model, tokens).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - log_prob)).toBeLessThan(1e-12);
    }
  });

  it.each(precisions)("the decaying case is mostly subnormal in %s", (precision) => {
    const [, decaying] = cases.subnormalCases(precision) as [cases.Case, cases.Case];
    const states = expected(decaying, makeOperands(decaying), "usual");
    expect(subnormalShare(states, precision)).toBeGreaterThan(0.9);
  });

  it.each(precisions)("the ceiling's loop in %s leaves no operation out", (precision) => {
    const shape = { precision, chains: 7, unrolled: 4 };
    const lanes = precision === "f64" ? 2 : 4;
    const module = new WebAssembly.Module(shapeModule(shape));
    const { loop } = new WebAssembly.Instance(module).exports as {
      loop(turns: number, constant: number): number;
    };
    const turns = CEILING_OPERATIONS / (2 * 7 * lanes * 4);
    expect(Number.isInteger(turns)).toBe(true);
    expect(loop(turns, -1)).toBe(lanes * 7 * (6 - 4 * turns));
  });
});
