import type { Score } from "recurra";
import { Problem } from "../problem.js";
import type { ModelSettings } from "../settings.js";
import type { Backend, HostTensor, StepsGiven, TagResult } from "./backend.js";
import { testGraph } from "./graph_test.js";
import { checkFinite, checkSame, numberAt, testStream } from "./trial.js";
import { WorkSignal } from "./work_signal.js";

/** Tokens, or rows, of the sequence that a model reads before it is taken. */
const LENGTH = 16;
/** Milliseconds that a test may take: a model that never answers is never served. */
const PATIENCE = 30_000;

/**
 * Lets a model compute something before it takes requests, twice: the sequence of the settings, or inputs that are the same at
 * every start.
 *
 * @throws a `Problem` of code `invalid-model` unless the results are finite, have the shapes that the model tells of, have the
 *   same bits both times, and are those of the settings
 */
export async function selfTest(
  name: string,
  backend: Backend,
  { selfTest: wanted = {} }: ModelSettings,
): Promise<void> {
  const { kind } = backend.info;
  const signal = new WorkSignal();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no result after ${PATIENCE} ms`);
      signal.abort(error);
      reject(error);
    }, PATIENCE);
  });
  try {
    checkWanted(kind, wanted);
    const test =
      kind === "language"
        ? testLanguage(backend, wanted, signal)
        : kind === "tagger"
          ? testTagger(backend, wanted, signal)
          : testGraph(backend, wanted, signal);
    await Promise.race([test, late]);
  } catch (cause) {
    const { message } = cause as Error;
    throw new Problem("invalid-model", `${name}: self-test: ${message}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

type Wanted = NonNullable<ModelSettings["selfTest"]>;

/** Throws if the settings ask for something that the kind of model does not have: it would pass untested. */
function checkWanted(kind: Backend["info"]["kind"], wanted: Wanted): void {
  const known = {
    language: ["sequence", "logProb"],
    tagger: ["sequence"],
    graph: ["shapes", "values"],
  }[kind];
  const extra = Object.keys(wanted).find((name) => !known.includes(name));
  if (extra === undefined) return;
  throw new TypeError(`selfTest.${extra}: expected ${known.join(" or ")} for a ${kind}`);
}

/** The first tokens of a model, again and again. */
const someIds = (tokens: number): number[] =>
  Array.from({ length: LENGTH }, (_, i) => i % Math.max(tokens, 1));

function resultAt<R>(results: readonly (R | Error)[], i: number): R {
  const result = results[i];
  if (result instanceof Error) throw result;
  if (result === undefined) throw new Error("no result");
  return result;
}

async function testLanguage(
  backend: Backend,
  { sequence, logProb }: Wanted,
  signal: WorkSignal,
): Promise<void> {
  const ids = someIds(backend.info.tokens ?? 0);
  const given = sequence ?? ids;
  const score: Score = resultAt(await backend.score([given], { signal }), 0);
  if (!Number.isFinite(score.logProb)) {
    throw new Error(`the log-probability is ${score.logProb}`);
  }
  checkFinite("token log-probabilities", score.tokenLogProbs);
  // Beside another sequence, as it will be served.
  const again: Score = resultAt(await backend.score([ids.slice(0, 5), given], { signal }), 1);
  checkSame("log-probability", [score.logProb], [again.logProb]);
  if (logProb !== undefined && score.logProb !== logProb) {
    throw new Error(`expected the log-probability ${logProb}, got ${score.logProb}`);
  }
}

async function testTagger(
  backend: Backend,
  { sequence }: Wanted,
  signal: WorkSignal,
): Promise<void> {
  const { inputs, tokens = 0 } = backend.info;
  const [, nx] = inputs.find(({ name }) => name === "input")?.shape ?? [];
  const rows = nx === undefined ? undefined : someRows(nx);
  const given = sequence ?? (rows === undefined ? someIds(tokens) : tensorOf(rows));
  const tagged: TagResult = resultAt(await backend.tag([given], { signal }), 0);
  checkTags(backend, tagged);
  const again: TagResult = resultAt(await backend.tag([given, given], { signal }), 1);
  checkSame("values", tagged.values.data, again.values.data);
  if (sequence !== undefined) return;
  const steps: StepsGiven = rows === undefined ? { tokens: someIds(tokens) } : { rows };
  const { data, shape } = tagged.values;
  const ny = shape[1] ?? 0;
  await testStream(backend, backend.readSteps(steps), (results) => {
    results.forEach((result, t) => {
      const expected = Array.from({ length: ny }, (_, i) => data[t * ny + i] as number);
      checkSame(`values of step ${t} of a stream`, expected, result as Float64Array);
    });
  });
}

const someRows = (nx: number): number[][] =>
  Array.from({ length: LENGTH }, (_, t) =>
    Array.from({ length: nx }, (_, i) => numberAt(t * nx + i)),
  );

const tensorOf = (rows: readonly (readonly number[])[]): HostTensor => ({
  shape: [rows.length, rows[0]?.length ?? 0],
  data: Float64Array.from(rows.flat()),
});

/** A row for each step, or one for the sequence, as wide as the model tells. */
function checkTags({ info }: Backend, { values, classes, labels }: TagResult): void {
  const { shape, data } = values;
  const [, ny] = info.outputs.find(({ name }) => name === "values")?.shape ?? [];
  const [rows = 0, width = 0] = shape;
  if (rows < 1 || width !== ny || data.length !== rows * width) {
    throw new Error(`values: expected shape (rows, ${ny}), got (${shape.join(", ")})`);
  }
  checkFinite("values", data);
  if (classes.length !== rows) throw new Error(`classes: expected ${rows}, got ${classes.length}`);
  if (info.labels !== undefined && labels?.length !== rows)
    throw new Error(`labels: expected ${rows}, got ${labels?.length}`);
}
