import { readFileSync } from "node:fs";
import * as recurra from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import * as gru from "../oracle/gru.js";
import { softmaxCrossEntropy } from "../oracle/loss.js";
import * as lstm from "../oracle/lstm.js";
import * as rnn from "../oracle/rnn.js";
import { bound, type Subject } from "./subject.js";

const plain = { name: "oracle", ...rnn, ...lstm, ...gru, softmaxCrossEntropy };
/** Its caches hold no memory: they have no `dispose`. */
export const oracle = plain as unknown as Subject;

/** The functions on one engine. */
export type EngineSubject = Subject & { readonly engine: recurra.Engine };

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

/** Where blocks of several sizes would go, and what memory is held: the same before and after what leaves nothing behind. */
export function vacancies(engine: recurra.Engine): readonly number[] {
  const { arena } = coreOf(engine);
  const places = [1, 1024, 65536].map((bytes) => {
    const block = arena.allocate(bytes);
    block.release();
    return block.pointer;
  });
  return [...places, arena.bytes];
}
