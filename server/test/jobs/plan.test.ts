import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type JobRequest, outlineOf } from "../../src/jobs/outline.js";
import type { InputRecord } from "../../src/jobs/records.js";
import { recordsOf } from "../../src/jobs/shard_records.js";
import { shardsOf } from "../../src/jobs/shards.js";
import { JobFolder } from "../support/job_files.js";

let folder: JobFolder;
beforeAll(async () => {
  folder = await JobFolder.open();
});
afterAll(() => folder.remove());

/** The shards of inputs, and the records in them, shard by shard. */
async function divided(inputs: readonly string[], more: Partial<JobRequest> = {}) {
  const outline = await outlineOf(await folder.request(inputs, "out", more));
  const shards = await shardsOf(outline);
  const records: InputRecord[][] = [];
  for (const shard of shards) {
    const some: InputRecord[] = [];
    for await (const record of recordsOf(outline, shard)) some.push(record);
    records.push(some);
  }
  return { outline, shards, records };
}

/** Lines, CSV records and blanks of all kinds; no line is valid UTF-8 only by luck. */
const cells = fc.array(
  fc.oneof(
    fc.constantFrom("", "a", 'with "quotes"', "two\nlines", "two\r\nlines", "comma, comma", "é…"),
    fc.string({ maxLength: 12 }),
  ),
  { maxLength: 12 },
);
const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

test("text: the lines and their numbers are those of the file, however large the shards are", async () => {
  await fc.assert(
    fc.asyncProperty(
      cells,
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (all, bytes, isGzip) => {
        const lines = all.map((line) => line.replaceAll(/[\r\n\ufeff]/g, " "));
        const text = lines.map((line) => `${line}\n`).join("");
        const path = await folder.write("lines.txt", isGzip ? gzipSync(text) : text);
        const { records } = await divided([path], { shardBytes: bytes });
        const expected = lines.map((sequence, i) => ({ line: i + 1, sequence }));
        expect(records.flat()).toEqual(expected);
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});

test("CSV: records keep their numbers, with newlines in cells, however large the shards are", async () => {
  await fc.assert(
    fc.asyncProperty(
      cells,
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
      async (all, bytes, isCrlf) => {
        const end = isCrlf ? "\r\n" : "\n";
        let text = `\ufeffid,text${end}`;
        const expected: InputRecord[] = [];
        all.forEach((cell, i) => {
          if (i % 3 === 2) text += end;
          const line = text.split("\n").length;
          expected.push({ line, sequence: cell });
          text += `${i},${quoted(cell)}${end}`;
        });
        const path = await folder.write("records.csv", text);
        const { records } = await divided([path], { shardBytes: bytes });
        expect(records.flat()).toEqual(expected);
      },
    ),
    { numRuns: 60, seed: 2 },
  );
});

test("shards end where a line ends, follow each other, and say how many lines they have", async () => {
  const text = Array.from({ length: 100 }, (_, i) => `${"x".repeat(i % 7)}\n`).join("");
  const path = await folder.write("even.txt", `${text}last`);
  const { shards } = await divided([path], { shardBytes: 64 });
  expect(shards.length).toBeGreaterThan(4);
  let [at, line] = [0, 1];
  for (const shard of shards) {
    expect(shard).toMatchObject({ from: at, line });
    [at, line] = [shard.to, line + shard.lines];
  }
  expect(at).toBe(text.length + 4);
  expect(line).toBe(102);
});

test("Parquet: shards are whole row groups, or parts of a large one", async () => {
  const texts = Array.from({ length: 100 }, (_, i) => `sequence ${i}`);
  const columnData = [
    { name: "id", data: texts.map((_, i) => i) },
    { name: "text", data: texts },
  ];
  const file = new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: [10, 10, 60, 20] }));
  const path = await folder.write("rows.parquet", file);
  const { shards, records } = await divided([path], { shardBytes: Math.ceil(file.length / 4) });
  expect(shards.map(({ from, to }) => [from, to])).toEqual([
    [0, 20],
    [20, 45],
    [45, 70],
    [70, 80],
    [80, 100],
  ]);
  expect(records.flat()).toEqual(texts.map((sequence, i) => ({ line: i + 1, sequence })));
});

test("JSON lines: texts, lists of ids and objects; a reason for everything else", async () => {
  const lines = [
    '"a text"',
    "[1, 2, 3]",
    '{"id": 1, "text": "in a field"}',
    "",
    '{"id": 1}',
    "{not JSON",
    '{"text": null}',
    "[1, 2.5]",
    "7",
  ];
  const path = await folder.write("mixed.jsonl", `${lines.join("\n")}\n`);
  const broken = await folder.write("broken.txt", Buffer.from([0x61, 0x0a, 0xff, 0x0a, 0x62]));
  const { records } = await divided([path, broken], { shardBytes: 20 });
  expect(records.flat()).toEqual([
    { line: 1, sequence: "a text" },
    { line: 2, sequence: [1, 2, 3] },
    { line: 3, sequence: "in a field" },
    { line: 5, reason: 'there is no field "text"; the fields are "id"' },
    { line: 6, reason: 'expected JSON, got "{not JSON"' },
    { line: 7, reason: 'field "text": expected a text or a list of ids, got null' },
    { line: 8, reason: "expected a text or a list of ids, got another list" },
    { line: 9, reason: "expected a text or a list of ids, got number" },
    { line: 1, sequence: "a" },
    { line: 2, reason: "expected text in UTF-8, got other bytes" },
    { line: 3, sequence: "b" },
  ]);
});

test("gzip of several members, CRLF, a byte order mark and a last line without newline", async () => {
  const members = [gzipSync("\ufeffone\r\ntw"), gzipSync("o\r\n\r\n"), gzipSync("four")];
  const text = await folder.write("members.txt.gz", Buffer.concat(members));
  const csv = await folder.write(
    "marks.csv.gz",
    gzipSync('\ufeff"id","text"\r\n\r\n\ufeffa,b\r\n\ufeffc,"d\r\n""e"""'),
  );
  for (const shardBytes of [1, 100]) {
    const { records } = await divided([text, csv], { shardBytes });
    expect(records.flat()).toEqual([
      { line: 1, sequence: "one" },
      { line: 2, sequence: "two" },
      { line: 3, sequence: "" },
      { line: 4, sequence: "four" },
      { line: 3, sequence: "b" },
      { line: 4, sequence: 'd\r\n"e"' },
    ]);
  }
  // A mark within the file belongs to its cell.
  const { records } = await divided([csv], { shardBytes: 1, field: "id" });
  expect(records.flat()).toEqual([
    { line: 3, sequence: "\ufeffa" },
    { line: 4, sequence: "\ufeffc" },
  ]);
});

test("files without records have no shards; a line that is too long is one that fails", async () => {
  const empty = await folder.write("empty.csv", "");
  const zero = await folder.write(
    "zero.parquet",
    new Uint8Array(
      parquetWriteBuffer({ columnData: [{ name: "text", data: [], type: "STRING" }] }),
    ),
  );
  expect((await divided([empty, zero])).shards).toEqual([]);
  const head = await folder.write("head.csv", "id,text\n");
  expect((await divided([head])).records).toEqual([[]]);
  const long = await folder.write("long.txt", `${"x".repeat(2 ** 24 + 1)}\nshort\n`);
  expect((await divided([long])).records.flat()).toEqual([
    { line: 1, reason: "expected a line of at most 16777216 bytes" },
    { line: 2, sequence: "short" },
  ]);
});

test("the name of an input is as the pattern gives it; a file that two patterns match is one input", async () => {
  const path = await folder.write("named.txt", "a");
  const { outline } = await divided([path, join(folder.path, "nam*.txt"), relative(".", path)]);
  expect(outline.inputs.map(({ name }) => name)).toEqual([path]);
  const again = await divided([relative(".", path)]);
  expect(again.outline.inputs.map(({ name }) => name)).toEqual([relative(".", path)]);
  await expect(divided([folder.path])).rejects.toMatchObject({
    message: expect.stringContaining("is a folder: pass a pattern of files"),
  });
});

test("a CSV file with one column does not decide the field of the other inputs", async () => {
  const one = await folder.write("one.csv", "body\nfrom CSV\n");
  const json = await folder.write("two.jsonl", '{"text": "from JSON"}\n');
  const { records } = await divided([one, json]);
  expect(records.flat()).toEqual([
    { line: 2, sequence: "from CSV" },
    { line: 1, sequence: "from JSON" },
  ]);
});

test("inputs that cannot be planned are errors with a code and the place", async () => {
  const open = await folder.write("open.csv", 'text\n"never closed\n');
  const columns = await folder.write("columns.csv", "id,body\n1,a\n");
  const cut = await folder.write("cut.txt.gz", gzipSync("some text\n".repeat(50)).subarray(0, 25));
  const other = await folder.write("other.parquet", "no Parquet");
  await expect(divided([open])).rejects.toMatchObject({
    code: "input",
    message: expect.stringMatching(/open\.csv: record 2 has a quote that is never closed$/),
  });
  await expect(divided([columns])).rejects.toMatchObject({
    code: "input",
    message: expect.stringContaining('no column "text"; the columns are "id", "body"'),
  });
  await expect(divided([cut])).rejects.toMatchObject({ code: "input" });
  await expect(divided([other])).rejects.toMatchObject({ code: "input" });
  await expect(divided(["nowhere/*.txt"])).rejects.toMatchObject({ code: "input" });
});

test("files in the output folder are no inputs", async () => {
  const sub = await JobFolder.open();
  try {
    await sub.write("in.jsonl", '"a"\n');
    const request = await sub.request([`${sub.path}/**/*.jsonl`], ".");
    await expect(outlineOf(request)).rejects.toMatchObject({ code: "input" });
  } finally {
    await sub.remove();
  }
});
