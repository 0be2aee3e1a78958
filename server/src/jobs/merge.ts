import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type AtomicFile,
  isBegun,
  readJson,
  type Written,
  writeAtomic,
  writeJson,
} from "./atomic_file.js";
import { fileFault, JobError } from "./errors.js";
import { ParquetFile } from "./parquet_file.js";
import { ParquetResultFile } from "./parquet_results.js";
import type { Plan } from "./plan.js";
import { columnsOf } from "./result_columns.js";
import { type Counts, type Manifest, manifestOf, partsOf } from "./shard.js";

/** What a job that is done left behind: `manifest.json`, which is written last. */
export type JobManifest = Counts & {
  readonly job: string;
  readonly model: string;
  readonly shards: number;
  /** Absent if the parts were not joined. */
  readonly results?: Written & { readonly file: string };
  readonly errors: Written & { readonly file: string };
};

/** The manifest of a job that is done, undefined of one that is not. */
export async function jobManifest(folder: string, plan: Plan): Promise<JobManifest | undefined> {
  const found = await readJson<JobManifest>(join(folder, "manifest.json"));
  return found?.job === plan.id ? found : undefined;
}

/**
 * Joins the parts in the order of the input, `results.jsonl` or `results.parquet` and `errors.jsonl`, and writes the manifest of
 * the job. What an earlier job left there stays until the new files are whole.
 *
 * @throws {JobError} if a shard is not done, or a part is damaged
 */
export async function finish(folder: string, plan: Plan): Promise<JobManifest> {
  const done = await jobManifest(folder, plan);
  if (done !== undefined) return done;
  try {
    return await joinParts(folder, plan);
  } catch (error) {
    // Another worker may have joined them meanwhile, and deleted what this one had begun.
    const other = await jobManifest(folder, plan);
    if (other !== undefined) return other;
    throw error;
  }
}

async function joinParts(folder: string, plan: Plan): Promise<JobManifest> {
  const manifests: Manifest[] = [];
  const missing: number[] = [];
  for (let i = 0; i < plan.shards.length; i++) {
    const manifest = await manifestOf(folder, plan, i);
    if (manifest === undefined) missing.push(i);
    else manifests.push(manifest);
  }
  if (missing.length > 0) {
    const which = missing.length > 5 ? `${missing.slice(0, 5).join(", ")} …` : missing.join(", ");
    const what = `${missing.length} of ${plan.shards.length} shards are not done (${which})`;
    throw new JobError("incomplete", `${folder}: ${what}: run or retry the job`);
  }
  const names = plan.merge ? [`results.${plan.output}`, "errors.jsonl"] : ["errors.jsonl"];
  const { written } = await writeAtomic(
    names.map((name) => join(folder, name)),
    async (files) => {
      const errors = files.at(-1) as AtomicFile;
      if (plan.merge) await joinResults(folder, plan, manifests, files[0] as AtomicFile);
      for (const { shard, errors: part } of manifests) {
        await copy(partsOf(folder, plan, shard).errors, part, errors);
      }
    },
  );
  const files = names.map((file, i) => ({ file, ...(written[i] as Written) }));
  const manifest: JobManifest = {
    job: plan.id,
    model: plan.model.sha256,
    shards: plan.shards.length,
    ...sumOf(plan, manifests),
    ...(plan.merge ? { results: files[0] as JobManifest["errors"] } : {}),
    errors: files.at(-1) as JobManifest["errors"],
  };
  await writeJson(join(folder, "manifest.json"), manifest);
  await removeLeftovers(folder);
  await removeLeftovers(join(folder, "parts"));
  return manifest;
}

/** Deletes what processes that were killed had begun to write. */
async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter(isBegun)) await rm(join(folder, name), { force: true });
}

/** The sums of all counts. */
function sumOf({ model }: Plan, all: readonly Counts[]): Counts {
  const sum = { failed: 0, scored: 0, tokens: 0, tagged: 0, steps: 0 };
  const names = Object.keys(sum) as (keyof typeof sum)[];
  for (const each of all) {
    for (const name of names) sum[name] += (each as Partial<typeof sum>)[name] ?? 0;
  }
  const { failed, scored, tokens, tagged, steps } = sum;
  return model.tagger === undefined ? { scored, failed, tokens } : { tagged, failed, steps };
}

async function joinResults(
  folder: string,
  plan: Plan,
  manifests: readonly Manifest[],
  to: AtomicFile,
): Promise<void> {
  const parts = manifests.map(({ shard, results }) => ({
    path: partsOf(folder, plan, shard).results,
    results,
  }));
  if (plan.output === "jsonl") {
    for (const { path, results } of parts) await copy(path, results, to);
    return;
  }
  const columns = columnsOf(plan);
  const file = new ParquetResultFile(to, columns);
  for (const { path, results } of parts) {
    await copy(path, results, undefined);
    const part = await ParquetFile.open(path);
    for await (const rows of part.rows(columns.map(({ name }) => name))) await file.copy(rows);
  }
  await file.end();
}

/** Copies a part, and checks that it is the one that was written. */
async function copy(path: string, { sha256 }: Written, to: AtomicFile | undefined): Promise<void> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      await to?.write(chunk);
    }
  } catch (error) {
    throw fileFault(path, error);
  }
  if (hash.digest("hex") === sha256) return;
  const what = "the part is damaged: its SHA-256 is not that of its manifest";
  throw new JobError("output", `${path}: ${what}: delete it, and run or retry the job`);
}
