// Requests of one line each: our server, the rivals, and scoreSync without a server.
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { createEngine, loadLanguageModel } from "recurra";
import { FOLDER, MODEL, readLines, readVocabulary } from "./fixture.js";
import type { BenchOptions } from "./options.js";
import { Service } from "./service.js";
import { median, ms, type Row, times, whole } from "./table.js";
import { type Load, load } from "./wrk.js";

const run = promisify(execFile);

/** A service under load. */
interface Contender {
  readonly name: string;
  readonly start: () => Promise<Service>;
  readonly path: string;
  readonly bodyOf: (line: string) => object;
  /** The log-probability in an answer. */
  readonly readAnswer: (answer: unknown) => number;
  /** How far its numbers may be from those of scoreSync. */
  readonly tolerance: number;
}

const OURS = "server/dist/main.js";
/** Seconds of load before the measurement: V8 compiles during the first 20,000 requests or so, beside the work. */
const WARM_UP = 8;

const ours = (precision: "f64" | "f32", workers: number): Contender => ({
  name: `recurra-server, ${precision}`,
  start: () => startOurs(precision, workers),
  path: "/v1/score",
  bodyOf: (line) => ({ sequences: [line] }),
  readAnswer: (answer) => (answer as { results: [{ logProb: number }] }).results[0].logProb,
  tolerance: precision === "f64" ? 0 : 1e-3,
});

/** Our server with Shakespeare's model. */
export function startOurs(precision: "f64" | "f32", workers: number, more: readonly string[] = []) {
  const models = { shakespeare: { file: MODEL, precision } };
  const config = `${FOLDER}/server-${precision}.json`;
  writeFileSync(config, JSON.stringify({ models }));
  const words = ["--config", config, "--port", "0", "--workers", String(workers)];
  return Service.start(OURS, [...words, ...more]);
}

const rival = (name: string, script: string): Contender => ({
  name,
  start: () => Service.start(`${FOLDER}/rivals/${script}.js`),
  path: "/score",
  bodyOf: (text) => ({ text }),
  readAnswer: (answer) => (answer as { logProb: number }).logProb,
  tolerance: 1e-3,
});

/** Throws if a service gives other numbers than scoreSync: a contender whose output is wrong is not timed. */
async function check(
  contender: Contender,
  url: string,
  expected: readonly number[],
): Promise<void> {
  const { name, bodyOf, readAnswer, tolerance } = contender;
  const lines = readLines();
  await Promise.all(
    expected.map(async (logProb, i) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(bodyOf(lines[i] as string)),
      });
      const got = response.ok ? readAnswer(await response.json()) : Number.NaN;
      if (Math.abs(got - logProb) <= tolerance * Math.abs(logProb)) return;
      throw new Error(`${name}: line ${i}: expected ${logProb}, got ${got} (${response.status})`);
    }),
  );
}

interface Measured {
  readonly at50: Load;
  readonly at200: Load;
  /** Seconds of delay of the event loop, 99th percentile, at 200 clients; of ours only. */
  readonly lag: number;
  /** Microseconds of processor for a request at 50 clients: of the thread that speaks HTTP, and of all threads. */
  readonly cpu: { readonly first: number; readonly all: number };
}

async function measure(
  contender: Contender,
  seconds: number,
  expected: readonly number[],
): Promise<Measured> {
  const service = await contender.start();
  try {
    const url = `${service.url}${contender.path}`;
    await check(contender, url, expected);
    const bodies = readLines().map((line) => JSON.stringify(contender.bodyOf(line)));
    await load({ url, clients: 50, seconds: WARM_UP, bodies });
    const before = service.cpu();
    const at50 = await load({ url, clients: 50, seconds, bodies });
    const after = service.cpu();
    const requests = at50.perSecond * seconds;
    const cpu = {
      first: (after.first - before.first) / requests,
      all: (after.all - before.all) / requests,
    };
    // The histogram of delays begins anew when it is read.
    await service.metric("nodejs_eventloop_lag_p99_seconds");
    const at200 = await load({ url, clients: 200, seconds, bodies });
    const lag = await service.metric("nodejs_eventloop_lag_p99_seconds");
    return { at50, at200, lag, cpu };
  } finally {
    await service.stop();
  }
}

/** Scores without a service. */
interface Alone {
  readonly perSecond: number;
  /** Microseconds of processor for a line. */
  readonly cpu: number;
}

async function runAlone(script: string, ...words: string[]): Promise<Alone> {
  const { stdout } = await run(process.execPath, [`${FOLDER}/${script}.js`, ...words]);
  return JSON.parse(stdout) as Alone;
}

/** scoreSync in as many processes at a time. */
export async function alone(
  precision: "f64" | "f32",
  workers: number,
  seconds: number,
): Promise<Alone> {
  const each = await Promise.all(
    Array.from({ length: workers }, () => runAlone("alone", precision, String(seconds))),
  );
  const sum = (of: (one: Alone) => number): number => each.reduce((all, one) => all + of(one), 0);
  return { perSecond: sum(({ perSecond }) => perSecond), cpu: sum(({ cpu }) => cpu) / workers };
}

export async function throughput({ seconds, rounds, workers }: BenchOptions): Promise<Row[]> {
  const vocabulary = readVocabulary();
  const model = await loadLanguageModel(await createEngine(), readFileSync(MODEL), { vocabulary });
  const expected = model.scoreSync(readLines().slice(0, 100)).map(({ logProb }) => logProb);
  const contenders = [
    ours("f64", workers),
    ours("f32", workers),
    rival("fastify + onnxruntime-node", "single"),
    rival("fastify + onnxruntime-node, micro-batches", "batched"),
  ];
  const measured = contenders.map((): Measured[] => []);
  const without = { f64: [] as Alone[], f32: [] as Alone[] };
  const rivals: Alone[] = [];
  // In turn, so that a slow minute of the machine meets all of them.
  for (let round = 0; round < rounds; round++) {
    for (const precision of ["f64", "f32"] as const) {
      without[precision].push(await alone(precision, workers, seconds));
    }
    rivals.push(await runAlone("rivals/alone", String(seconds)));
    for (const [i, contender] of contenders.entries()) {
      const found = await measure(contender, seconds, expected);
      measured[i]?.push(found);
      console.error(`${contender.name}: ${JSON.stringify(found)}`);
    }
  }
  const [f64, f32, single, batched] = measured as [Measured[], Measured[], Measured[], Measured[]];
  const rate = (all: readonly Measured[]): number => median(all.map(({ at50 }) => at50.perSecond));
  const errors = measured
    .flat()
    .reduce((sum, { at50, at200 }) => sum + at50.errors + at200.errors, 0);
  const p99 = median(f64.map(({ at200 }) => at200.p99));
  const p50 = median(f64.map(({ at200 }) => at200.p50));
  const against = (all: readonly Measured[]): string =>
    `${times(rate(f32) / rate(all))} (f32), ${times(rate(f64) / rate(all))} (f64)`;
  const processor = (all: readonly Measured[], which: "first" | "all"): string =>
    `${whole(median(all.map(({ cpu }) => cpu[which])))} µs`;
  const speed = (all: readonly Alone[]): number => median(all.map(({ perSecond }) => perSecond));
  const bound = (rival: number): string =>
    `${times(speed(without.f32) / rival)} (f32), ${times(speed(without.f64) / rival)} (f64)`;
  const line = (all: readonly Alone[]): string => `${whole(median(all.map(({ cpu }) => cpu)))} µs`;
  return [
    row(
      `scoreSync alone, ${workers} processes: lines/s`,
      `${whole(speed(without.f64))} (f64), ${whole(speed(without.f32))} (f32)`,
    ),
    row("onnxruntime-node alone, batches of 32: lines/s", whole(speed(rivals))),
    ...contenders.map(({ name }, i) =>
      row(`${name}, 50 clients: requests/s`, whole(rate(measured[i] as Measured[]))),
    ),
    row(
      "throughput, 50 clients, against scoreSync alone, f64",
      times(rate(f64) / speed(without.f64)),
      "0.8",
      "0.9",
    ),
    row("the same, f32", times(rate(f32) / speed(without.f32))),
    row("against onnxruntime-node, one request one run", against(single), "2", "4"),
    row("against onnxruntime-node, micro-batches", against(batched), "0.8", "1.2"),
    row("bound of the row before: scoreSync alone against that service", bound(rate(batched))),
    row("scoreSync alone against onnxruntime-node alone", bound(speed(rivals))),
    row(
      "processor for a line without a service",
      `${line(without.f64)} (f64), ${line(without.f32)} (f32), ${line(rivals)} (onnxruntime-node, batches of 32)`,
    ),
    row(
      "processor for a request, 50 clients, HTTP thread",
      `${processor(f64, "first")} (f64), ${processor(f32, "first")} (f32)`,
    ),
    row(
      "processor for a request, 50 clients, all threads",
      `${processor(f64, "all")} (f64), ${processor(f32, "all")} (f32), ${processor(batched, "all")} (onnxruntime-node, micro-batches)`,
    ),
    row("p50 and p99, 200 clients, f64", `${ms(p50)}, ${ms(p99)}`),
    row("p99 / p50, 200 clients, f64", (p99 / p50).toFixed(2), "≤ 4", "≤ 2.5"),
    row(
      "event-loop delay p99, 200 clients",
      ms(1000 * median(f64.map(({ lag }) => lag))),
      "≤ 20 ms",
      "≤ 10 ms",
    ),
    row("answers that are not 2xx, failed connections", whole(errors), "0"),
  ];
}

const row = (what: string, got: string, must = "", aim = ""): Row => ({ what, got, must, aim });
