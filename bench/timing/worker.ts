// The loop of a contender's process: it prepares jobs and times samples of them. Replies go to file descriptor 3, because
// some libraries print on stdout.
import { writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Operands, readOperands } from "../cases/data.js";
import { type LanguageFiles, readLanguageFiles } from "../cases/language.js";
import type { Job, Prepare, Prepared, Reply, Request } from "./protocol.js";

interface Running {
  prepared: Prepared;
  /** Nanoseconds of a call in the last run. */
  perCall: number;
}

const running = new Map<number, Running>();

async function run(job: Running, calls: number) {
  let sink = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) {
    const value = job.prepared.call();
    sink += typeof value === "number" ? value : await value;
  }
  const nanoseconds = Number(process.hrtime.bigint() - start) / calls;
  job.perCall = nanoseconds;
  return { ok: true, nanoseconds, calls, sink } as const;
}

/** Writes the result of the first calls, then calls untimed for `warm` milliseconds. */
async function prepare(prepared: Prepared, { id, job, warm }: Request & { do: "prepare" }) {
  const entry = { prepared, perCall: 0 };
  running.set(id, entry);
  const first = await run(entry, job.calls);
  writeFileSync(job.result, new Uint8Array(Float64Array.from(await prepared.result()).buffer));
  for (let spent = entry.perCall; spent < warm * 1e6; spent += entry.perCall) await run(entry, 1);
  return prepared.note === undefined ? first : { ...first, note: prepared.note };
}

/** One call untimed, to bring data back into the caches, then as many as fill the time. */
async function sample({ id, milliseconds }: Request & { do: "sample" }) {
  const entry = running.get(id);
  if (entry === undefined) throw new Error(`job ${id} was never prepared`);
  const calls = Math.max(1, Math.round((milliseconds * 1e6) / entry.perCall));
  if (calls > 1) await run(entry, 1);
  return run(entry, calls);
}

type PrepareJob = (job: Job) => Prepared | Promise<Prepared>;

async function answer(prepareJob: PrepareJob, request: Request): Promise<Reply> {
  if (request.do === "prepare") return prepare(await prepareJob(request.job), request);
  if (request.do === "sample") return sample(request);
  running.get(request.id)?.prepared.release?.();
  running.delete(request.id);
  return { ok: true, nanoseconds: 0, calls: 0, sink: 0 };
}

/** Answers requests until the bench closes stdin. */
export async function runWorker(prepareJob: PrepareJob): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(prepareJob, JSON.parse(line)).catch(
      (error: unknown): Reply => ({ ok: false, error: String(error) }),
    );
    writeSync(3, `${JSON.stringify(reply)}\n`);
  }
}

/** A worker whose jobs have numbers as operands. */
export const runLayerWorker = (prepareJob: Prepare<Operands>): Promise<void> =>
  runWorker((job) => prepareJob(job, readOperands(job.operands, job.work, job)));

/** A worker whose jobs have the files of a language model. */
export const runLanguageWorker = (prepareJob: Prepare<LanguageFiles>): Promise<void> =>
  runWorker((job) => prepareJob(job, readLanguageFiles(job.operands)));
