import { readFileSync } from "node:fs";
import * as recurra from "../../src/index.js";
import * as gru from "../oracle/gru.js";
import { softmaxCrossEntropy } from "../oracle/loss.js";
import * as lstm from "../oracle/lstm.js";
import * as rnn from "../oracle/rnn.js";
import { bound, type Subject } from "./subject.js";

export const oracle: Subject = { name: "oracle", ...rnn, ...lstm, ...gru, softmaxCrossEntropy };

/** The functions on one engine. */
export interface EngineSubject extends Subject {
  readonly engine: recurra.Engine;
}

export function subjectOf(name: string, options: recurra.EngineOptions = {}): EngineSubject {
  const engine = recurra.createEngineSync(options);
  return { ...bound(name, recurra, engine), engine };
}

const build = (name: string) =>
  Uint8Array.from(readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url)));

/** Fused multiply-add rounds once where the others round twice; what a row gives still depends on nothing but the row. */
const relaxed = build("kernels.relaxed");

/** One for each shipped build that this host can run. */
export const engines: readonly EngineSubject[] = [
  subjectOf("engine"),
  subjectOf("engine with the debug kernels", { wasm: build("kernels.debug") }),
  ...(WebAssembly.validate(relaxed)
    ? [subjectOf("engine with the relaxed kernels", { wasm: relaxed })]
    : []),
];

/** What the reference cases are asked of. */
export const subjects: readonly Subject[] = [oracle, ...engines];
