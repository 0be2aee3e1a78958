// Minutes of load with a new version of the model every 20 seconds: does memory grow?
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { LiveClient } from "./live_client.js";
import { CLASSES, writeLiveModel } from "./live_model.js";
import type { BenchOptions } from "./options.js";
import { Service } from "./service.js";
import { median, megabytes, type Row, whole } from "./table.js";
import { load } from "./wrk.js";

const TOKEN = "a token of the bench only";
const [RELOAD, LIFE, SAMPLE] = [20, 12, 1];
const STREAMS = 200;

/** Streams that live for some seconds, again and again. */
async function pushStreams(url: string, end: number): Promise<number> {
  const streams = Uint32Array.from({ length: STREAMS }, (_, i) => i);
  let tokens = 0;
  while (performance.now() < end) {
    const client = await LiveClient.connect(url);
    await client.open(0, STREAMS);
    const stop = Math.min(performance.now() + 1000 * LIFE, end);
    for (let t = 0; performance.now() < stop; t++) {
      const ids = Int32Array.from(streams, (stream) => (stream + t) % CLASSES);
      const { failed } = await client.push(streams, ids);
      if (failed > 0) throw new Error(`soak: ${failed} steps failed`);
      tokens += STREAMS;
      await wait(20);
    }
    client.close();
  }
  return tokens;
}

/** Puts the two files of a model in turn; a short soak has some reloads, too. */
async function reload(url: string, end: number, every: number): Promise<number> {
  const files = ["live", "live-2"].map((name) => readFileSync(writeLiveModel(name)));
  let loads = 0;
  for (;;) {
    await wait(1000 * every);
    if (performance.now() > end) return loads;
    const body = files[++loads % 2] as Buffer;
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      "content-type": "application/octet-stream",
    };
    const response = await fetch(`${url}/v1/models/live`, { method: "PUT", headers, body });
    if (!response.ok) throw new Error(`soak: PUT: ${response.status} ${await response.text()}`);
  }
}

async function watch(service: Service, end: number): Promise<number[]> {
  const found: number[] = [];
  while (performance.now() < end) {
    await wait(1000 * SAMPLE);
    found.push(service.memory().now);
  }
  return found;
}

export async function soak({ workers, soak: seconds }: BenchOptions): Promise<Row[]> {
  const words = [
    "--model",
    `live=${writeLiveModel("live")}`,
    "--port",
    "0",
    "--workers",
    String(workers),
  ];
  const admin = ["--allow-upload", "--admin-token", TOKEN];
  const service = await Service.start("server/dist/main.js", [...words, ...admin]);
  try {
    const end = performance.now() + 1000 * seconds;
    const ids = Array.from({ length: 40 }, (_, t) => t % CLASSES);
    const bodies = [JSON.stringify({ model: "live", sequences: [ids] })];
    const [requests, tokens, loads, samples] = await Promise.all([
      load({ url: `${service.url}/v1/score`, clients: 20, seconds, bodies }),
      pushStreams(service.url, end),
      reload(service.url, end, Math.min(RELOAD, seconds / 4)),
      watch(service, end),
    ]);
    // The first minute fills caches and pools; of a short soak the first quarter.
    const settled = samples.slice(Math.min(60, Math.floor(samples.length / 4)));
    const part = Math.max(Math.floor(settled.length / 5), 1);
    const [first, last] = [median(settled.slice(0, part)), median(settled.slice(-part))];
    const growth = `${(100 * (last / first - 1)).toFixed(1)} %`;
    const what = `soak of ${seconds} s, ${loads} reloads, ${whole(requests.perSecond)} requests/s, ${whole(tokens)} live tokens`;
    return [
      { what: `${what}: growth after the first minute`, got: growth, must: "≤ 2 %", aim: "0" },
      {
        what: "memory of the soak, first and last fifth",
        got: `${megabytes(first)}, ${megabytes(last)}`,
      },
      { what: "errors of the soak", got: whole(requests.errors), must: "0" },
    ];
  } finally {
    await service.stop();
  }
}
