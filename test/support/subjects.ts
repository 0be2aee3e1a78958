import { readFileSync } from "node:fs";
import * as recurra from "../../src/index.js";
import { softmaxCrossEntropy } from "../oracle/head.js";
import * as lstm from "../oracle/lstm.js";
import * as rnn from "../oracle/rnn.js";
import { bound, type Subject } from "./subject.js";

export const oracle: Subject = { name: "oracle", ...rnn, ...lstm, softmaxCrossEntropy };

/** The functions on one engine. */
export interface EngineSubject extends Subject {
  readonly engine: recurra.Engine;
}

export function subjectOf(name: string, options: recurra.EngineOptions = {}): EngineSubject {
  const engine = recurra.createEngineSync(options);
  return { ...bound(name, recurra, engine), engine };
}

const debug = readFileSync(new URL("../../build/kernels.debug.wasm", import.meta.url));

/** One for each shipped build. */
export const engines: readonly EngineSubject[] = [
  subjectOf("engine"),
  subjectOf("engine with the debug kernels", { wasm: debug }),
];

/** What the reference cases are asked of. */
export const subjects: readonly Subject[] = [oracle, ...engines];
