import {
  describeSafetensors,
  type PytorchNames,
  readSafetensors,
} from "../../src/formats/safetensors.js";
import type { ModelReference } from "../../src/index.js";
import { fixtureBytes, fixtureText } from "./fixtures.js";

/** A state dict of test/fixtures/verify, written by scripts/make_verify_cases.py. */
export const caseBytes = (name: string): Uint8Array<ArrayBuffer> =>
  fixtureBytes(`verify/${name}.safetensors`);

export const caseDescription = (name: string, names: PytorchNames = {}) =>
  describeSafetensors(readSafetensors(caseBytes(name)), names);

/** What PyTorch computed, as the snippet of docs/formats.md wrote it. */
export const caseReference = (name: string): ModelReference =>
  JSON.parse(fixtureText(`verify/${name}.json`)) as ModelReference;
