import { createEngineSync, loadTagger } from "recurra";
import { type GraphInputs, openGraph } from "recurra/onnx";
import {
  createGraphPool,
  createTaggerPool,
  type RemoteStream,
  StreamLostError,
} from "recurra/pool";
import { describe, expect, it } from "vitest";
import { DOUBLE, model } from "../formats/onnx/writer.js";
import { describedOf, type ModelPlan } from "../support/models.js";
import { root } from "../support/project.js";
import { uniform } from "../support/random.js";
import { endAtRandom, workerFactory } from "./pools.js";

const KILLS = 60;
const engine = createEngineSync();
const draw = uniform(7);
const rows = Array.from({ length: 120 }, () => [draw(), draw(), draw()]);

/** A pool of any kind, as these tests use it. */
interface Kind<S extends RemoteStream, I, R> {
  readonly open: (from?: Uint8Array) => S;
  readonly inputs: readonly I[];
  /** What the library answers to each input of one stream, and to what belongs to no stream. */
  readonly wanted: readonly R[];
  readonly whole: unknown;
  pushAll(streams: readonly S[], inputs: readonly I[]): Promise<[R[], ReadonlyMap<number, Error>]>;
  compute(): Promise<unknown>;
}

/** Reads all inputs with many streams, each of which goes on from its last saved state. Returns how many were lost. */
async function readAll<S extends RemoteStream, I, R>(kind: Kind<S, I, R>): Promise<number> {
  let lost = 0;
  const streams = Array.from({ length: 20 }, () => ({
    stream: kind.open(),
    base: 0,
    got: [] as R[],
  }));
  for (;;) {
    const live = streams.filter(({ got }) => got.length < kind.inputs.length);
    if (live.length === 0) break;
    const inputs = live.map(({ got }) => kind.inputs[got.length] as I);
    const [results, errors] = await kind.pushAll(
      live.map(({ stream }) => stream),
      inputs,
    );
    live.forEach((each, i) => {
      const error = errors.get(i);
      if (error === undefined) {
        each.got.push(results[i] as R);
        return;
      }
      if (!(error instanceof StreamLostError)) throw error;
      lost++;
      each.base += error.pushed;
      each.got.length = each.base;
      each.stream.dispose();
      each.stream = kind.open(error.state);
    });
  }
  for (const { got, stream } of streams) {
    expect(got).toEqual(kind.wanted);
    stream.dispose();
  }
  return lost;
}

/** Works on everything while workers end. */
async function survive<S extends RemoteStream, I, R>(
  kind: Kind<S, I, R>,
  all: ReturnType<typeof workerFactory>["all"],
): Promise<void> {
  let isOver = false;
  const reading = (async () => {
    let lost = 0;
    while (!isOver) lost += await readAll(kind);
    return lost;
  })();
  const computing = (async () => {
    while (!isOver) expect(await kind.compute()).toEqual(kind.whole);
  })();
  await endAtRandom(all, KILLS, 5);
  isOver = true;
  const [lost] = await Promise.all([reading, computing]);
  expect(lost).toBeGreaterThan(KILLS / 2);
}

describe(`a worker ends at ${KILLS} random moments: nothing is lost or repeated`, () => {
  it("a tagger: tag, and pushAll of 20 streams", async () => {
    const plan: ModelPlan = {
      name: "gru over features",
      size: 3,
      input: "features",
      dense: [[4, "softmax"]],
      parts: [{ cell: "gru", hiddenSize: 6 }],
    };
    const description = describedOf(plan);
    const { all, worker } = workerFactory();
    const pool = await createTaggerPool(description, { size: 2, worker, tries: 1000 });
    const tagger = await loadTagger(engine, description);
    const alone = tagger.stream();
    const sequences = rows.map((_, i) => {
      const some = rows.slice(0, i);
      return { shape: [i, 3], data: Float64Array.from(some.flat()) };
    });
    await survive(
      {
        open: (from) => pool.stream({ checkpointEvery: 8, from }),
        inputs: rows,
        wanted: rows.map((row) => [...alone.push(row).values]),
        whole: tagger.tagSync(sequences),
        pushAll: async (streams, inputs) => {
          const { values, errors } = await pool.pushAll(streams, inputs, { onError: "return" });
          const results = streams.map((_, i) => [...values.data.slice(4 * i, 4 * i + 4)]);
          return [results, errors];
        },
        compute: () => pool.tag(sequences),
      },
      all,
    );
    expect(pool.stats()).toMatchObject({ calls: 0, waiting: 0, running: 0, streams: 0 });
    await pool.close();
  });

  it("a graph: run, and pushAll of 20 streams", async () => {
    const file = model({
      nodes: [
        { operator: "Add", inputs: ["sum", "x"], outputs: ["total"] },
        { operator: "Tanh", inputs: ["total"], outputs: ["y"] },
      ],
      inputs: [
        ["x", DOUBLE, ["n", 3]],
        ["sum", DOUBLE, [1, 3]],
      ],
      outputs: [
        ["y", DOUBLE],
        ["total", DOUBLE],
      ],
    });
    const states = { sum: "total" };
    const { all, worker } = workerFactory(`${root}test/pool/graph_worker.mjs`);
    const pool = await createGraphPool(file, { size: 2, states, worker, tries: 1000 });
    const graph = openGraph(engine, file);
    const alone = graph.stream(states);
    const inputs = rows.map((row): GraphInputs => ({ x: { shape: [1, 3], data: row } }));
    await survive(
      {
        open: (from) => pool.stream({ checkpointEvery: 8, from }),
        inputs,
        wanted: inputs.map((each) => alone.push(each)),
        whole: inputs.map((each) => graph.stream(states).push(each)),
        pushAll: async (streams, given) => {
          const { outputs, errors } = await pool.pushAll(streams, given, { onError: "return" });
          return [[...outputs], errors];
        },
        compute: () => Promise.all(inputs.map((each) => pool.run(each))),
      },
      all,
    );
    expect(pool.stats()).toMatchObject({ calls: 0, waiting: 0, running: 0, streams: 0 });
    await pool.close();
  });
});
