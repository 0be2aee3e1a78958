import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelFolder, recurra } from "../support/command.js";
import { expectSurvives, records } from "./killed.js";

const folder = modelFolder();
const MODEL = ["--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
const ARGS = [
  "score",
  "records.csv",
  "--json",
  "--with",
  "id,note",
  "--on-error",
  "report",
  ...MODEL,
];
writeFileSync(join(folder, "records.csv"), records(12_000));

describe("a process that is killed at 20 random moments", () => {
  it.each([
    ["lines", ".jsonl", "1"],
    ["lines", ".jsonl", "2"],
    ["compressed", ".jsonl.gz", "1"],
    ["compressed", ".jsonl.gz", "2"],
  ])(
    "%s, %s, --jobs %s: resumed to its end it has the bytes of one that was not",
    async (_, end, jobs) => {
      const whole = [...ARGS, "--jobs", "1", "--out", `whole${end}`];
      expect(recurra(whole, "", folder).status).toBe(0);
      const want = readFileSync(join(folder, `whole${end}`));
      const name = `killed${end}`;
      const args = [...ARGS, "--jobs", jobs, "--out", name, "--resume"];
      await expectSurvives({ args, folder, name, want, moments: 20, seed: 1 + Number(jobs) });
    },
  );
});
