import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { describeSafetensors, readSafetensors } from "../../formats/safetensors.js";
import { InputError, printable, UsageError, withFile } from "../faults.js";
import { print } from "../output.js";
import { partsOf } from "../parts.js";
import { replaceFile } from "../replace_file.js";
import { RunFolder } from "../train/run_folder.js";
import type { Settings } from "../train/settings.js";
import { count } from "../train/task.js";
import { readText, splitText } from "../train/text_file.js";
import type { ReportData } from "./data.js";
import { historyData } from "./history_part.js";
import { htmlOf } from "./html.js";
import { type TablePart, tablePart } from "./table_part.js";
import { type TextPart, textPart } from "./text_part.js";

export interface ReportCommand {
  readonly model?: string;
  readonly text?: string;
  readonly out?: string;
}

const note = (text: string): void => {
  process.stderr.write(`recurra: ${text}\n`);
};

type Facts = [string, string][];

/** Names and values of a model. */
function modelFacts(name: string, file: Uint8Array): Facts {
  const parts = partsOf(describeSafetensors(readSafetensors(file)));
  const parameters = parts.reduce((sum, part) => sum + part.parameters, 0);
  const layers = parts.map(({ what }) => what).join(" · ");
  return [
    ["model", `${printable(basename(name))}, ${count(file.length)} bytes`],
    ["network", layers],
    ["parameters", count(parameters)],
  ];
}

/** Names and values of a run. */
async function runFacts(folder: RunFolder, { data, training, seed }: Settings): Promise<Facts> {
  const result = await folder.result();
  const { batchSize, sequenceLength, optimizer, lr } = training;
  const ended: Facts =
    result === undefined
      ? [["state", "not finished"]]
      : [
          ["validation loss", result.validation.toFixed(4)],
          ["steps", count(result.steps)],
        ];
  return [
    ...(result === undefined ? [] : [["held-out data", result.heldOut] as [string, string]]),
    ["data", printable(data.file)],
    ...ended,
    ["batch", `${batchSize} × ${sequenceLength}`],
    ["optimiser", `${optimizer}, rate ${Number(lr.toPrecision(4))}`],
    ["seed", String(seed)],
  ];
}

/** The data of a run, if they are there and are the same. */
async function dataOf({ data }: Settings): Promise<string | undefined> {
  if (!existsSync(data.file)) {
    note(`${data.file}: it is not there any more; the report shows the history alone`);
    return undefined;
  }
  const { sha256 } = await readText(data.file);
  if (sha256 === data.sha256) return data.file;
  note(`${data.file}: it has changed since the run; the report shows the history alone`);
  return undefined;
}

/** The text that a report colours: the user's, or the beginning of that which was kept for validation. */
async function chosenText(
  command: ReportCommand,
  settings: Settings | undefined,
): Promise<{ text: string; textName: string } | undefined> {
  if (command.text !== undefined) {
    const { text } = await readText(command.text);
    return { text, textName: basename(command.text) };
  }
  if (settings?.kind !== "text") return undefined;
  const file = await dataOf(settings);
  if (file === undefined) return undefined;
  const { text } = await readText(file);
  const { validation } = splitText(text, settings.validation);
  return { text: validation, textName: "The beginning of the held-out text" };
}

interface Subject {
  readonly folder: RunFolder | undefined;
  readonly settings: Settings | undefined;
  /** The path of the model, and its bytes if the run has made one. */
  readonly model: string;
  readonly file: Uint8Array | undefined;
}

/** What is reported: a run, or a model. */
async function subjectOf(run: string | undefined, command: ReportCommand): Promise<Subject> {
  if ((run === undefined) === (command.model === undefined)) {
    throw new UsageError("report: expected the folder of a run, or --model FILE");
  }
  if (run !== undefined && statSync(run, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new InputError(`${run}: expected the folder of a run, with a settings.json`);
  }
  const folder = run === undefined ? undefined : new RunFolder(run);
  const settings = await folder?.settings();
  const model = command.model ?? (settings as Settings).out;
  if (command.model !== undefined && command.text === undefined) {
    throw new UsageError("--model: expected a text, too: pass --text FILE");
  }
  const isThere = command.model !== undefined || existsSync(model);
  if (!isThere) note(`${model}: it is not there; the report shows the history alone`);
  const file = isThere ? await withFile(model, () => readFile(model)) : undefined;
  return { folder, settings, model, file };
}

/** Writes the report of a run, or of a model and a text; returns the exit code. */
export async function report(run: string | undefined, command: ReportCommand): Promise<number> {
  const { folder, settings, model, file } = await subjectOf(run, command);
  const out = command.out ?? (run === undefined ? "report.html" : join(run, "report.html"));
  let table: TablePart = {};
  let text: TextPart | undefined;
  if (file !== undefined && settings?.kind === "table") {
    const data = await dataOf(settings);
    if (data !== undefined) table = await withFile(model, () => tablePart(data, file, settings));
  } else if (file !== undefined) {
    const chosen = await chosenText(command, settings);
    if (chosen !== undefined)
      text = await withFile(model, () => textPart(file, { model, ...chosen }));
  }
  const data: ReportData = {
    title:
      settings === undefined
        ? basename(model)
        : `${basename(settings.data.file)} → ${basename(model)}`,
    facts: [
      ...(folder === undefined || settings === undefined ? [] : await runFacts(folder, settings)),
      ...(file === undefined ? [] : modelFacts(model, file)),
    ],
    history: folder === undefined ? undefined : historyData(await folder.history()),
    text: text?.text,
    samples: text?.samples ?? [],
    trace: text?.trace,
    forecasts: table.forecasts,
    confusion: table.confusion,
  };
  const html = htmlOf(data);
  await withFile(out, () => replaceFile(out, html));
  await print(`${resolve(out)}: ${count(Buffer.byteLength(html))} bytes. Open it in a browser.\n`);
  return 0;
}
