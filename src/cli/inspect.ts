import { createHash } from "node:crypto";
import Table from "cli-table3";
import type { ModelDescription, OutputKind } from "../index.js";
import { printable } from "./faults.js";
import { type NameOptions, openModel } from "./model.js";
import { print } from "./output.js";
import { type Part, partsOf } from "./parts.js";

export interface InspectCommand extends NameOptions {
  readonly json?: boolean;
}

/** How many numbers a live stream keeps; undefined if a direction reads from the end, which a stream cannot do. */
function stateSize({ recurrent }: ModelDescription): number | undefined {
  let sum = 0;
  const top = recurrent.at(-1);
  for (const part of recurrent) {
    const { options, layerNorm, residual } = part;
    const { cell, hiddenSize, projectionSize = hiddenSize, layers = 1 } = options;
    if (options.bidirectional || options.reverse) return undefined;
    sum += layers * (projectionSize + (cell === "lstm" ? hiddenSize : 0));
    // The output of the highest layer, where it is not the hidden state.
    const isAdded = residual === true && (layers > 1 || options.inputSize === projectionSize);
    if (part === top && (layerNorm !== undefined || isAdded)) sum += projectionSize;
  }
  return sum;
}

const count = (n: number): string => n.toLocaleString("en");

function table(parts: readonly Part[], parameters: number): string {
  const all = new Table({
    head: ["part", "what", "weights", "parameters"],
    colAligns: ["left", "left", "left", "right"],
    style: { head: [], border: [] },
  });
  for (const { name, what, weights, parameters: own } of parts) {
    const each = Object.entries(weights).map(([key, shape]) => `${key} ${shape.join(" × ")}`);
    all.push([printable(name), what, each.join("\n"), count(own)]);
  }
  all.push([{ colSpan: 3, content: "total" }, count(parameters)]);
  return all.toString();
}

const OUTPUTS: Readonly<Record<OutputKind, string>> = {
  steps: "of every step",
  last: "of the last step",
  mean: "of the mean over the steps",
  max: "of the maximum over the steps",
};

/** Prints the contents of a model file. */
export async function inspect(file: string, command: InspectCommand): Promise<number> {
  const { name, bytes, description } = await openModel(file, { ...command, quiet: true });
  const parts = partsOf(description);
  const parameters = parts.reduce((sum, part) => sum + part.parameters, 0);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const state = stateSize(description);
  const memory = {
    f64: 8 * parameters,
    f32: 4 * parameters,
    streamF64: state === undefined ? null : 8 * state,
  };
  const { format, output, metadata, assumptions = [] } = description;
  if (command.json) {
    const all = { file: name, format, bytes: bytes.length, sha256, parts, parameters, output };
    const rest = { memory, metadata: Object.fromEntries(metadata), assumptions };
    await print(`${JSON.stringify({ ...all, ...rest })}\n`);
    return 0;
  }
  const notes = [...metadata].map(
    ([key, value]) => `${printable(key, 40)}: ${printable(value, 70)}`,
  );
  const lines: [string, string][] = [
    ["file", `${printable(name)}, ${format}, ${count(bytes.length)} bytes`],
    ["sha256", sha256],
    ["output", OUTPUTS[output]],
    ["memory", `weights ${count(memory.f64)} bytes in f64, ${count(memory.f32)} in f32`],
    [
      "",
      memory.streamF64 === null
        ? "no live streams, since a direction reads from the end"
        : `a live stream's state ${count(memory.streamF64)} bytes in f64`,
    ],
    ...(notes.length === 0 ? ["none"] : notes).map((note, i): [string, string] => [
      i === 0 ? "metadata" : "",
      note,
    ]),
    ...(assumptions.length === 0 ? ["nothing"] : assumptions).map((each, i): [string, string] => [
      i === 0 ? "assumed" : "",
      printable(each),
    ]),
  ];
  const text = lines.map(([key, value]) => `${key.padEnd(10)}${value}`).join("\n");
  await print(`${table(parts, parameters)}\n${text}\n`);
  return 0;
}
