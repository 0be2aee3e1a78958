import { expect, it } from "vitest";
import { languageOf } from "../../src/generation/model.js";
import { StateRows } from "../../src/generation/state_rows.js";
import { createEngineSync, loadLanguageModel } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { describedOf, LANGUAGE, tokensOf } from "../support/models.js";

const engine = createEngineSync();

it.each(LANGUAGE)(
  "$name: a row that is loaded, copied and saved is the stream's state, every bit",
  async (plan) => {
    const model = await loadLanguageModel(engine, describedOf(plan));
    const language = languageOf("test", model);
    const ids = tokensOf(5, 9);
    const { arena } = coreOf(engine);
    const words = language.stateBytes / Int32Array.BYTES_PER_ELEMENT;
    const from = language.newState();
    arena.i32(from.pointer, words).fill(0);
    for (const id of ids) language.advance(from.pointer, id);
    const want = language.logProbs(from.pointer);
    const [rows, others] = [new StateRows(language, 3), new StateRows(language, 2)];
    rows.load(0, from.pointer);
    rows.take(rows, 0, 2);
    others.take(rows, 2, 1);
    const to = language.newState();
    arena.i32(to.pointer, words).fill(-1);
    others.save(1, to.pointer);
    expect(language.logProbs(to.pointer)).toEqual(want);
    language.advance(from.pointer, 3);
    language.advance(to.pointer, 3);
    expect(language.logProbs(to.pointer)).toEqual(language.logProbs(from.pointer));
    for (const each of [from, to, rows, others]) each.release();
    model.dispose();
  },
);
