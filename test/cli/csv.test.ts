import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CsvRecord, csvRecords } from "../../src/cli/csv.js";

async function* linesOf(text: string) {
  let line = 1;
  for (const each of text.split("\n")) yield { line: line++, text: each };
}

const unclosed = (line: number): never => {
  throw new Error(`unclosed at ${line}`);
};

async function records(text: string, longest = 2 ** 20): Promise<CsvRecord[]> {
  const all: CsvRecord[] = [];
  for await (const record of csvRecords(linesOf(text), longest, unclosed)) all.push(record);
  return all;
}

const fieldsOf = async (text: string) => (await records(text)).map(({ fields }) => fields);

describe("CSV", () => {
  it.each([
    ["a,b", [["a", "b"]]],
    [
      "a,\n,b\n,",
      [
        ["a", ""],
        ["", "b"],
        ["", ""],
      ],
    ],
    ['"a","b"', [["a", "b"]]],
    ['"a,b","c""d",""', [["a,b", 'c"d', ""]]],
    ['my 5" screen,"5"""', [['my 5" screen', '5"']]],
    ['"a\nb",c', [["a\nb", "c"]]],
    [
      '"a\r\nb",c\r\nd,"e"\r\n',
      [
        ["a\r\nb", "c"],
        ["d", "e"],
      ],
    ],
    ['"""\n"""', [['"\n"']]],
    ["\n\r\na\n\n", [["a"]]],
    ["", []],
  ])("%j", async (text, wanted) => {
    expect(await fieldsOf(text)).toEqual(wanted);
  });

  it("any fields come back as they were written, each with its first line", async () => {
    const part = fc.constantFrom("a", '"', ",", "\n", "\r\n", " ", "é");
    const field = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
    const table = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 5 });
    const written = (text: string, always: boolean) =>
      always || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.boolean(),
        fc.constantFrom("\n", "\r\n"),
        async (rows, all, end) => {
          // An empty line is no record.
          const kept = all ? rows : rows.filter((row) => row.length > 1 || row[0] !== "");
          const texts = kept.map((row) => row.map((each) => written(each, all)).join(",") + end);
          let line = 1;
          const begins = texts.map((text) => {
            line += text.split("\n").length - 1;
            return line - text.split("\n").length + 1;
          });
          const found = await records(texts.join(""));
          expect(found.map(({ fields }) => fields)).toEqual(kept);
          expect(found.map((record) => record.line)).toEqual(begins);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });

  it("text after a closing quote belongs to the field, quotes and all", async () => {
    const found = await records('a\n"b\nc" d,e\n"5" x\nf');
    expect(found).toEqual([
      { line: 1, fields: ["a"] },
      { line: 2, fields: ['"b\nc" d', "e"] },
      { line: 4, fields: ['"5" x'] },
      { line: 5, fields: ["f"] },
    ]);
  });

  it("a quote that is never closed: the first line of its record", async () => {
    await expect(records('a,b\n\nc,"d\ne')).rejects.toThrow("unclosed at 3");
    await expect(records('a\n"a\nb","c\nd')).rejects.toThrow("unclosed at 2");
    await expect(records(`a\n"${"b\n".repeat(50)}"`, 20)).rejects.toThrow("unclosed at 2");
  });

  it("a record of 20,000 lines, then others: each has its line", async () => {
    const found = await records(`"${"a\n".repeat(20_000)}"\nb\r\n\r\nc`);
    expect(found.map(({ line }) => line)).toEqual([1, 20_002, 20_004]);
  });
});
