import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { UsageError } from "./faults.js";
import { formatOf, Input, type InputFormat, type Reading } from "./input.js";
import { Interruption } from "./output.js";
import { Progress } from "./progress.js";
import { type Kept, keptOf, openSink } from "./resume.js";
import { JSON_NAMES, jsonRows, tableHead, tableRows } from "./rows.js";
import { scoreOnCores } from "./score_cores.js";
import { type ModelCommand, ScoreModel } from "./score_model.js";
import { type OnLineError, ScoreRun } from "./score_run.js";
import { type Sink, standardOutput } from "./sink.js";

export interface ScoreCommand extends ModelCommand {
  readonly format?: InputFormat;
  readonly field?: string;
  readonly with?: string;
  readonly json?: boolean;
  readonly perToken?: boolean;
  readonly onError: OnLineError;
  readonly jobs?: number;
  readonly out?: string;
  readonly resume?: boolean;
}

/** The number of `--jobs`. */
export function jobsOf(text: string): number {
  const jobs = Number(text);
  if (/^\d+$/.test(text) && jobs >= 1 && jobs <= 256) return jobs;
  throw new UsageError(`--jobs: expected a number from 1 to 256, got ${JSON.stringify(text)}`);
}

/** How the input is read. @throws {UsageError} for options that do not go together */
function readingOf(file: string | undefined, command: ScoreCommand): Reading {
  const { field, json, out, resume } = command;
  const format = command.format ?? formatOf(file);
  const others = [...new Set(command.with?.split(","))];
  if (field !== undefined && format === "text") {
    throw new UsageError("--field: lines of text have no fields: pass --format jsonl or csv");
  }
  if (others.length > 0) {
    if (format === "text") {
      throw new UsageError("--with: lines of text have no fields: pass --format jsonl or csv");
    }
    if (!json) throw new UsageError("--with: fields are passed through with --json only");
    const own = others.find((name) => JSON_NAMES.includes(name));
    if (own !== undefined) {
      throw new UsageError(`--with: "${own}" is a field of the output already`);
    }
  }
  if (resume) {
    if (out === undefined) throw new UsageError("--resume: needs --out FILE, the file to continue");
    // A table's sum is rounded, and its rows have no numbers.
    if (!json) throw new UsageError("--resume: only the lines of --json can be continued");
  }
  return { format, field, others };
}

/** Throws if two paths lead to the same file. */
function checkApart(input: string | undefined, out: string): void {
  const [from, to] = [input ?? "-", out].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (from?.isFile() && from.dev === to?.dev && from.ino === to.ino) {
    throw new UsageError(`--out: ${out} is the input`);
  }
}

async function sinkOf(out: string | undefined, kept: Kept | undefined): Promise<Sink> {
  return out === undefined ? standardOutput : openSink(out, kept);
}

/** Scores the input line by line, in order; returns the exit code. */
export async function score(file: string | undefined, command: ScoreCommand): Promise<number> {
  const { json = false, perToken = false, onError, out, jobs } = command;
  const reading = readingOf(file, command);
  if (out !== undefined) checkApart(file, out);
  const model = await ScoreModel.open(command);
  const input = await Input.open(file);
  const kept = command.resume && out !== undefined ? await keptOf(out) : undefined;
  const sink = await sinkOf(out, kept);
  if (input.size === undefined && process.stdin.isTTY) {
    process.stderr.write("Type lines to score; Ctrl-D ends.\n");
  }
  const interruption = new Interruption(() => input.close());
  const { signal } = interruption;
  const rows = json ? jsonRows(perToken) : tableRows(perToken, model.model.vocabulary);
  const last = kept?.last;
  const run = new ScoreRun({ input, reading, model, rows, sink, onError, last, out });
  const progress = new Progress(input, { isShown: out === undefined && process.stdout.isTTY });
  const cores = {
    ...{ model: model.model, products: model.products, pool: (size: number) => model.pool(size) },
    ...{ jobs, cores: availableParallelism() },
  };
  try {
    if (!json) await sink.write(tableHead());
    const options = { signal, onError: onError === "fail" ? "throw" : "return" } as const;
    const results = scoreOnCores(run.sequences(), cores, options);
    await run.write(results, (lines) => progress.show(lines));
    if (!json) await sink.write(run.sum.row());
  } catch (error) {
    if (!run.isEnd(error, interruption)) {
      // The lines before it are results.
      await sink.end().catch(() => undefined);
      throw error;
    }
    if (!json) await sink.write(run.sum.row());
  } finally {
    progress.end();
    input.close();
  }
  await sink.end();
  const { sum, failed } = run;
  if (failed > 0) {
    process.stderr.write(`recurra: ${failed} of ${sum.lines + failed} lines could not be scored\n`);
  }
  if (interruption.code === undefined) return 0;
  process.stderr.write(`recurra: interrupted: ${sum.lines} lines scored\n`);
  return interruption.code;
}
