import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { writeModel } from "../formats/safetensors.js";
import { InputError, UsageError, withFile } from "./faults.js";
import { type NameOptions, openModel, readVocabulary } from "./model.js";
import { print } from "./output.js";
import { replaceFile } from "./replace_file.js";

export interface ConvertCommand extends NameOptions {
  readonly vocabulary?: string;
}

/** Reads a model of any format and writes it as safetensors. */
export async function convert(from: string, to: string, command: ConvertCommand): Promise<number> {
  if (!/\.safetensors$/i.test(to)) {
    throw new UsageError(
      `${to}: convert writes safetensors: expected a name that ends in .safetensors`,
    );
  }
  if (!existsSync(dirname(to))) throw new InputError(`${to}: there is no folder ${dirname(to)}`);
  const { description } = await openModel(from, command);
  const { assumptions = [] } = description;
  const metadata = new Map(description.metadata);
  if (command.vocabulary !== undefined) {
    const vocabulary = await readVocabulary(command.vocabulary);
    metadata.set("vocabulary", JSON.stringify(Object.fromEntries(vocabulary)));
  }
  const bytes = writeModel({ ...description, metadata, assumptions });
  await withFile(to, () => replaceFile(to, bytes));
  await print(`${to}: ${bytes.length.toLocaleString("en")} bytes, from ${description.format}\n`);
  return 0;
}
