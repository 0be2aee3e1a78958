import { existsSync, statSync } from "node:fs";
import { dirname, extname } from "node:path";
import { InputError, UsageError, withFile } from "../faults.js";
import { formatOf } from "../input.js";
import { Interruption, print } from "../output.js";
import { replaceFile } from "../replace_file.js";
import { checkpointSteps } from "./defaults.js";
import { fileOf, runTask } from "./run.js";
import { RunFolder } from "./run_folder.js";
import type { Settings, TrainCommand } from "./settings.js";
import { tableTask } from "./table_task.js";
import { count, type Task } from "./task.js";
import { textTask } from "./text_task.js";

const TABLE_ONLY = ["target", "features", "window", "horizon", "delimiter", "missing"] as const;
const TEXT_ONLY = ["tokens", "words", "tokenizer", "embedding", "sequenceLength"] as const;

const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** Whether the data are a table. @throws {UsageError} for options that do not go together */
function isTable(file: string, command: TrainCommand): boolean {
  const table = command.target !== undefined || formatOf(file) === "csv";
  const [other, kind] = table ? [TEXT_ONLY, "a text"] : [TABLE_ONLY, "a CSV file"];
  const wrong = other.find((name) => command[name] !== undefined);
  if (wrong !== undefined) throw new UsageError(`${flag(wrong)}: only for ${kind}`);
  if (command.tokenizer !== undefined && command.tokens !== undefined) {
    throw new UsageError("--tokens: --tokenizer decides the tokens: pass one of them");
  }
  if (command.words !== undefined && command.tokens !== "words") {
    throw new UsageError("--words: only with --tokens words");
  }
  if (command.epochs !== undefined && command.steps !== undefined) {
    throw new UsageError("--epochs: --steps decides the length of the run: pass one of them");
  }
  return table;
}

function checkOut(file: string, { out, resume, overwrite }: TrainCommand): void {
  if (!/\.safetensors$/i.test(out)) {
    throw new UsageError(`--out: ${out}: expected a name that ends in .safetensors`);
  }
  if (!existsSync(dirname(out))) throw new InputError(`${out}: there is no folder ${dirname(out)}`);
  if (resume && overwrite) throw new UsageError("--overwrite: does not go with --resume");
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(`${file}: expected a file, got a folder`);
  }
}

function notesOf({ note = [] }: TrainCommand): Record<string, string> {
  const pairs = note.map((each): [string, string] => {
    const at = each.indexOf("=");
    if (at > 0) return [each.slice(0, at), each.slice(at + 1)];
    throw new UsageError(`--note: expected NAME=TEXT, got ${JSON.stringify(each)}`);
  });
  return Object.fromEntries(pairs);
}

/** Numbers that a step multiplies with each token. */
function weightsOf({ settings, input, outputs }: Task): number {
  const { cell, hiddenSize: na, layers, embedding } = settings.network;
  const gates = { lstm: 4, gru: 3, rnn: 1 }[cell];
  const nx = "features" in input ? input.features : embedding;
  return gates * na * (nx + na + (layers - 1) * 2 * na) + na * outputs;
}

/** The command that goes on with a run. */
function commandAgain(): string {
  const words = process.argv.slice(2).filter((word) => word !== "--overwrite");
  const quoted = words.map((word) =>
    /^[\w./=,:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return ["recurra", ...quoted, ...(words.includes("--resume") ? [] : ["--resume"])].join(" ");
}

const say = (text: string): void => {
  process.stderr.write(`recurra: ${text}\n`);
};

/** Trains a model on a text or a table; returns the exit code. */
export async function train(file: string, command: TrainCommand): Promise<number> {
  const table = isTable(file, command);
  checkOut(file, command);
  const notes = notesOf(command);
  const made = await (table ? tableTask(file, command) : textTask(file, command));
  const settings: Settings = { ...made.settings, notes };
  const task: Task = { ...made, settings };
  const { out } = command;
  const folder = new RunFolder(command.run ?? `${out.slice(0, -extname(out).length)}.run`);
  const checkpoint = command.resume ? await folder.resume(settings) : undefined;
  if (command.resume && folder.isFinished && existsSync(out)) {
    say(`${folder.path}: the run is finished: ${out}`);
    return 0;
  }
  if (!command.resume) folder.begin(settings, command.overwrite === true);
  for (const choice of task.choices) say(choice);
  say(`run: ${folder.path}`);
  const checkpointEvery = checkpointSteps(command, settings.training, weightsOf(task));
  const interruption = new Interruption(() => {});
  const { net, steps, validation } = await runTask(task, {
    ...{ folder, checkpoint, checkpointEvery, interruption },
  });
  if (validation === undefined) {
    say(`interrupted after step ${count(steps)} of ${count(settings.training.steps)}; go on with`);
    process.stderr.write(`  ${commandAgain()}\n`);
    return interruption.code ?? 130;
  }
  const metadata = { ...task.metadata, ...notes };
  const held = await task.heldOut(fileOf(net, settings.dtype, metadata));
  const bytes = fileOf(net, settings.dtype, { ...metadata, ...held.metadata });
  await withFile(out, () => replaceFile(out, bytes));
  folder.finish({ steps, validation, heldOut: held.text });
  await print(`${held.text}\n${out}: ${count(bytes.length)} bytes\n`);
  return 0;
}
