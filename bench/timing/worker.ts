// The loop of a contender's process: prepares jobs, runs samples of them. Replies go to file descriptor 3, because some
// libraries greet on stdout.
import { writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Operands, readOperands } from "../cases/data.js";
import { type LanguageFiles, readLanguageFiles } from "../cases/language.js";
import type { Job, Prepare, Prepared, Reply, Request } from "./protocol.js";

type Make = (job: Job) => Prepared | Promise<Prepared>;

interface Running {
  prepared: Prepared;
  /** Nanoseconds of a call, as last seen. */
  pace: number;
}

const running = new Map<number, Running>();

async function run({ prepared }: Running, calls: number) {
  let sink = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) {
    const value = prepared.call();
    sink += typeof value === "number" ? value : await value;
  }
  const nanoseconds = Number(process.hrtime.bigint() - start) / calls;
  return { ok: true, nanoseconds, calls, sink } as const;
}

async function prepare(make: Make, { id, job, warm }: Request & { do: "prepare" }) {
  const prepared = await make(job);
  const lane = { prepared, pace: 0 };
  running.set(id, lane);
  const first = await run(lane, job.calls);
  writeFileSync(job.result, new Uint8Array(Float64Array.from(await prepared.result()).buffer));
  lane.pace = first.nanoseconds;
  for (let spent = lane.pace; spent < warm * 1e6; spent += lane.pace) {
    lane.pace = (await run(lane, 1)).nanoseconds;
  }
  return prepared.note === undefined ? first : { ...first, note: prepared.note };
}

/** One call untimed, to bring the caches back, then as many as fill the time. */
async function sample({ id, milliseconds }: Request & { do: "sample" }) {
  const lane = running.get(id);
  if (lane === undefined) throw new Error(`job ${id} was never prepared`);
  const calls = Math.max(1, Math.round((milliseconds * 1e6) / lane.pace));
  if (calls > 1) await run(lane, 1);
  const done = await run(lane, calls);
  lane.pace = done.nanoseconds;
  return done;
}

async function answer(make: Make, request: Request): Promise<Reply> {
  if (request.do === "prepare") return prepare(make, request);
  if (request.do === "sample") return sample(request);
  running.get(request.id)?.prepared.release?.();
  running.delete(request.id);
  return { ok: true, nanoseconds: 0, calls: 0, sink: 0 };
}

export const serve = (make: Prepare<Operands>): Promise<void> =>
  serveJobs((job) => make(job, readOperands(job.operands, job.work, job)));

export const serveLanguage = (make: Prepare<LanguageFiles>): Promise<void> =>
  serveJobs((job) => make(job, readLanguageFiles(job.operands)));

/** For who needs no operands, and as the others' loop. */
export async function serveJobs(make: Make): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(make, JSON.parse(line)).catch(
      (error: unknown): Reply => ({ ok: false, error: String(error) }),
    );
    writeSync(3, `${JSON.stringify(reply)}\n`);
  }
}
