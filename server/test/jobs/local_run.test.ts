import { readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { createEngine, loadLanguageModel, type Score } from "recurra";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPlan, runLocally } from "../../src/jobs/local_run.js";
import type { JobRequest } from "../../src/jobs/outline.js";
import type { Plan } from "../../src/jobs/plan.js";
import { Scorer } from "../../src/jobs/scorer.js";
import { runShard } from "../../src/jobs/shard.js";
import { JobFolder, jobModel, MODEL, textLines, VOCABULARY } from "../support/job_files.js";

let folder: JobFolder;
let scorer: Scorer;
let lines: string[];
let expected: Score[];

beforeAll(async () => {
  folder = await JobFolder.open();
  scorer = await Scorer.open(await jobModel(), 2);
  lines = await textLines(120);
  const vocabulary = JSON.parse(await readFile(VOCABULARY, "utf8")) as Record<string, number>;
  const model = await loadLanguageModel(await createEngine(), await readFile(MODEL), {
    vocabulary,
  });
  expected = model.scoreSync(lines);
});
afterAll(async () => {
  await scorer.close();
  await folder.remove();
});

async function run(inputs: readonly string[], output: string, more: Partial<JobRequest> = {}) {
  const request = await folder.request(inputs, output, more);
  const plan = await openPlan(request, true);
  return { plan, manifest: await runLocally(request.folder, plan, scorer) };
}

/** The files of a folder and when they were changed. */
async function changes(path: string): Promise<Map<string, number>> {
  const names = await readdir(join(folder.path, path), { recursive: true });
  const times = names.map(async (name) => {
    return [name, (await stat(join(folder.path, path, name))).mtimeMs] as const;
  });
  return new Map(await Promise.all(times));
}

test("results are those of scoreSync bit for bit, in order, and the same bytes for shards of any size", async () => {
  const path = await folder.write("lines.txt", lines.map((line) => `${line}\n`).join(""));
  const { plan, manifest } = await run([path], "many", { shardBytes: 500 });
  expect(plan.shards.length).toBeGreaterThan(5);
  expect(manifest).toMatchObject({ scored: lines.length, failed: 0, shards: plan.shards.length });
  const results = await folder.lines("many/results.jsonl");
  expect(results).toEqual(
    expected.map(({ logProb, perplexity, bitsPerToken, tokens }, i) => ({
      file: plan.inputs[0]?.name,
      line: i + 1,
      logProb,
      perplexity,
      bitsPerToken,
      tokens,
    })),
  );
  await run([path], "one");
  expect(await folder.read("one/results.jsonl")).toBe(await folder.read("many/results.jsonl"));
});

test("compressed, CSV, JSON lines and Parquet inputs have the scores of their text", async () => {
  const some = lines.slice(0, 30);
  const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const columnData = [{ name: "text", data: some }];
  const inputs = [
    await folder.write("some.txt.gz", gzipSync(some.join("\n"))),
    await folder.write(
      "some.csv",
      `id,text\n${some.map((text, i) => `${i},${cell(text)}\n`).join("")}`,
    ),
    await folder.write("some.jsonl", some.map((text) => `${JSON.stringify({ text })}\n`).join("")),
    await folder.write("some.parquet", new Uint8Array(parquetWriteBuffer({ columnData }))),
  ];
  const { manifest } = await run(inputs, "kinds", { shardBytes: 300 });
  expect(manifest).toMatchObject({ scored: 4 * some.length, failed: 0 });
  const results = await folder.lines("kinds/results.jsonl");
  const each = expected.slice(0, 30).map(({ logProb }) => logProb);
  expect(results.map(({ logProb }) => logProb)).toEqual([...each, ...each, ...each, ...each]);
});

test("Parquet results hold the same numbers, with those of each token", async () => {
  const path = await folder.write("p.txt", lines.slice(0, 20).join("\n"));
  await run([path], "columns", { output: "parquet", perToken: true, shardBytes: 300 });
  const bytes = await readFile(join(folder.path, "columns/results.parquet"));
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const rows = await parquetReadObjects({ file });
  expect(rows.map(({ line, logProb, tokens }) => [line, logProb, tokens])).toEqual(
    expected.slice(0, 20).map(({ logProb, tokens }, i) => [BigInt(i + 1), logProb, BigInt(tokens)]),
  );
  expect(rows.map(({ tokenLogProbs }) => [...(tokenLogProbs as number[])])).toEqual(
    expected.slice(0, 20).map(({ tokenLogProbs }) => [...tokenLogProbs]),
  );
});

test("a record that cannot be scored goes to errors.jsonl with file, line and reason; the others are scored", async () => {
  const path = await folder.write(
    "bad.jsonl",
    '"To be"\n{"text": 7}\n"na\u00efve"\n[3, 999]\n"or not"\n',
  );
  const { plan, manifest } = await run([path], "bad", { shardBytes: 10 });
  expect(manifest).toMatchObject({ scored: 2, failed: 3 });
  const file = plan.inputs[0]?.name;
  expect(await folder.lines("bad/errors.jsonl")).toEqual([
    { file, line: 2, reason: 'field "text": expected a text or a list of ids, got number' },
    { file, line: 3, reason: '"ï" (U+00EF), character 3, is not in the model\'s vocabulary' },
    { file, line: 4, reason: "expected ids in 0 … 64, got 999" },
  ]);
  expect((await folder.lines("bad/results.jsonl")).map(({ line }) => line)).toEqual([1, 5]);
});

test("records that fail are given out while the source goes on: they are not held", async () => {
  let given = 0;
  const seen: number[] = [];
  async function* records() {
    for (let line = 1; line <= 60_000; line++) {
      if (line % 20_000 === 0) seen.push(given);
      yield { line, reason: "none" };
    }
  }
  for await (const { record } of scorer.outcomes(records())) {
    given++;
    expect(record.line).toBe(given);
  }
  expect(given).toBe(60_000);
  // Two workers hold 512 sequences, and before each of them 32 failures may stand.
  for (const [i, each] of seen.entries()) expect(20_000 * (i + 1) - each).toBeLessThan(17_000);
});

test("two runs of the same job at once both end with its manifest", async () => {
  const path = await folder.write("both.txt", lines.join("\n"));
  const [one, two] = await Promise.all([
    run([path], "both", { shardBytes: 300 }),
    run([path], "both", { shardBytes: 300 }),
  ]);
  expect(one.manifest).toEqual(two.manifest);
  expect(one.manifest).toMatchObject({ scored: lines.length });
  const names = await readdir(join(folder.path, "both"), { recursive: true });
  expect(names.filter((name) => name.endsWith("tmp"))).toEqual([]);
});

test("a damaged plan or manifest is an error that says what to delete", async () => {
  const path = await folder.write("harm.txt", "To be");
  await run([path], "harm");
  const plan = join(folder.path, "harm/job.json");
  await writeFile(plan, '{"version"');
  await expect(run([path], "harm")).rejects.toMatchObject({
    code: "output",
    message: `${plan}: expected JSON, the file is damaged: delete it`,
  });
});

test("a shard that was done is not done again; one whose part is gone is", async () => {
  const path = await folder.write("again.txt", lines.slice(0, 40).join("\n"));
  const { plan } = await run([path], "again", { shardBytes: 400 });
  const before = await changes("again");
  const whole = await folder.read("again/results.jsonl");
  await run([path], "again", { shardBytes: 400 });
  expect(await changes("again")).toEqual(before);

  await truncate(join(folder.path, "again/parts/000001.jsonl"), 10);
  await writeFile(join(folder.path, "again/manifest.json"), "{}");
  await run([path], "again", { shardBytes: 400 });
  const after = await changes("again");
  const changed = [...after]
    .filter(([name, time]) => before.get(name) !== time)
    .map(([name]) => name);
  expect(changed.filter((name) => name.includes("parts/0"))).toEqual(
    expect.arrayContaining(["parts/000001.json", "parts/000001.jsonl"]),
  );
  expect(changed.some((name) => name.includes("000000"))).toBe(false);
  expect(plan.shards.length).toBeGreaterThan(2);
  expect(await folder.read("again/results.jsonl")).toBe(whole);
});

test("a worker that gets a shard that is done gives its manifest and computes nothing", async () => {
  const path = await folder.write("twice.txt", lines.slice(0, 20).join("\n"));
  const { plan } = await run([path], "twice");
  const before = await changes("twice");
  const idle = await Scorer.open(await jobModel(), 1);
  await idle.close();
  const work = { folder: join(folder.path, "twice"), plan, index: 0, scorer: idle };
  expect(await runShard(work)).toMatchObject({ scored: 20 });
  expect(await changes("twice")).toEqual(before);
});

test("an interrupted job goes on where it was, and its output has the same bytes", async () => {
  const path = await folder.write("cut.txt", lines.join("\n"));
  const request = await folder.request([path], "cut", { shardBytes: 400 });
  const plan = await openPlan(request, true);
  const interruption = new AbortController();
  const cut = runLocally(request.folder, plan, scorer, {
    signal: interruption.signal,
    onProgress: ({ shardsDone }) => {
      if (shardsDone === 3) interruption.abort();
    },
  });
  await expect(cut).rejects.toMatchObject({ code: "cancelled" });
  expect(await readdir(request.folder)).not.toContain("results.jsonl");
  const first: number[] = [];
  await runLocally(request.folder, plan, scorer, {
    onProgress: ({ shardsDone }) => first.push(shardsDone),
  });
  expect(first[0]).toBeGreaterThanOrEqual(3);
  expect((await folder.lines("cut/results.jsonl")).map(({ logProb }) => logProb)).toEqual(
    expected.map(({ logProb }) => logProb),
  );
  expect(
    (await readdir(request.folder, { recursive: true })).filter((name) => name.endsWith("tmp")),
  ).toEqual([]);
});

test("another input, another model and another job in the folder are errors, and the output stays", async () => {
  const path = await folder.write("other.txt", "To be, or not to be\n");
  const { plan } = await run([path], "other");
  const results = await folder.read("other/results.jsonl");
  await expect(run([path], "other", { perToken: true })).rejects.toMatchObject({ code: "output" });
  const wrong: Plan = { ...plan, model: { ...plan.model, sha256: "0".repeat(64) } };
  await expect(Scorer.open(wrong.model)).rejects.toMatchObject({ code: "model-changed" });
  const request = await folder.request([path], "late");
  const late = await openPlan(request, true);
  await utimes(path, 1, 1);
  await expect(runLocally(request.folder, late, scorer)).rejects.toMatchObject({
    code: "input-changed",
  });
  expect(await folder.read("other/results.jsonl")).toBe(results);
});

test("a part that was changed on disk is found when the parts are joined", async () => {
  const path = await folder.write("rot.txt", lines.slice(0, 20).join("\n"));
  const { plan } = await run([path], "rot", { shardBytes: 300 });
  const part = await folder.read("rot/parts/000001.jsonl");
  await writeFile(join(folder.path, "rot/parts/000001.jsonl"), part.replace(/\d(?=}\n$)/, "0"));
  await writeFile(join(folder.path, "rot/manifest.json"), "{}");
  await expect(runLocally(join(folder.path, "rot"), plan, scorer)).rejects.toMatchObject({
    code: "output",
    message: expect.stringContaining("000001.jsonl: the part is damaged"),
  });
});
