import { readFile } from "node:fs/promises";
import {
  createEngine,
  loadTagger,
  type ModelReference,
  type Precision,
  type TaggerOptions,
  type Verification,
  verifyModel,
} from "../index.js";
import {
  fileFault,
  InputError,
  inCommandTerms,
  printable,
  UsageError,
  withFile,
} from "./faults.js";
import { type NameOptions, openModel, parseJson, readVocabulary } from "./model.js";
import { print } from "./output.js";

export interface VerifyCommand extends NameOptions {
  readonly against: string;
  readonly tolerance: string;
  readonly precision: Precision;
  readonly activation?: "identity" | "softmax" | "logSoftmax";
  readonly vocabulary?: string;
  readonly json?: boolean;
}

function toleranceOf({ tolerance }: VerifyCommand): number {
  const number = Number(tolerance);
  if (tolerance.trim() !== "" && number >= 0) return number;
  throw new UsageError(`--tolerance: expected a number ≥ 0, got ${printable(tolerance, 40)}`);
}

/** An error of the library as one of a file: sizes and kinds that do not fit come from files here, not from a program. */
function faultOf(file: string, error: unknown): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) return fileFault(file, error);
  return new InputError(`${file}: ${inCommandTerms(error.message)}`);
}

function textOf({ passed, tolerance, sequences, elements, worst }: Verification): string {
  const { sequence, step, column, expected, found, error } = worst;
  const head = `${passed ? "passed" : "failed"}: ${elements.toLocaleString("en")} numbers of ${sequences} sequences`;
  const place = [`sequence ${sequence}`, ...(step === undefined ? [] : [`step ${step}`])];
  return [
    `${head}, tolerance ${tolerance}, largest error ${error.toExponential(2)}`,
    `worst: ${place.join(", ")}, column ${column}: expected ${expected}, found ${found}`,
  ].join("\n");
}

/** Compares a model with a reference; returns the exit code. */
export async function verify(file: string, command: VerifyCommand): Promise<number> {
  const tolerance = toleranceOf(command);
  const { against, precision, activation, json = false } = command;
  const { name, description } = await openModel(file, command);
  const reference = parseJson(against, await withFile(against, () => readFile(against)));
  const options: TaggerOptions = {
    precision,
    ...(activation === undefined ? {} : { activation }),
    ...(command.vocabulary === undefined
      ? {}
      : { vocabulary: await readVocabulary(command.vocabulary) }),
  };
  const engine = await createEngine();
  const tagger = await loadTagger(engine, description, options).catch((error: unknown) => {
    throw faultOf(name, error);
  });
  const result = await verifyModel(tagger, reference as ModelReference, { tolerance }).catch(
    (error: unknown) => {
      throw faultOf(against, error);
    },
  );
  const { assumptions } = tagger;
  await print(
    `${json ? JSON.stringify({ file: name, ...result, assumptions }) : textOf(result)}\n`,
  );
  return result.passed ? 0 : 1;
}
