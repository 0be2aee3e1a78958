import { StateError } from "../errors.js";
import type { LanguageModel } from "../model/language_model.js";
import { type LanguageNetwork, openLanguage } from "../model/language_network.js";
import type { LanguageStream } from "../model/stream.js";
import type { StreamContent } from "../model/stream_state.js";
import type { Sequence } from "../model/vocabulary.js";
import { checkInstance, describe } from "../tensor.js";
import type { Block } from "../wasm/arena.js";
import { contentOf, Handle } from "../wasm/handle.js";

/**
 * The content of a language model. The class of its handle is not compared: `recurra/slim` has a copy of it.
 *
 * @throws {TypeError | StateError} unless it is one, and not disposed of
 */
export function languageOf(where: string, model: LanguageModel): LanguageNetwork {
  const called = "a model of loadLanguageModel";
  checkInstance(where, "model", Handle, called, model);
  const content: Partial<LanguageNetwork> = contentOf<LanguageNetwork>(where, model);
  if (content.tokenizer === undefined || content.stateBytes === undefined) {
    throw new TypeError(`${where}: model: expected ${called}, got ${describe(model)}`);
  }
  return openLanguage(where, model);
}

/** A copy of a stream as it is now. @throws {TypeError | StateError} unless it is a stream of the model */
export function forkOf(
  where: string,
  model: LanguageModel,
  from: LanguageStream | undefined,
): LanguageStream | undefined {
  if (from === undefined) return undefined;
  checkInstance(where, "from", Handle, "a stream", from);
  const content: Partial<StreamContent> = contentOf<StreamContent>(where, from);
  if (content.model === undefined) {
    throw new TypeError(`${where}: from: expected a stream, got ${describe(from)}`);
  }
  if (content.model !== model) throw new StateError(`${where}: from: a stream of another model`);
  return from.fork();
}

/** A prompt: what was checked and copied. */
export type Given = string | Int32Array;

/** Checks a prompt, and that a token is there by which the first one can be predicted. */
export function readPrompt(
  where: string,
  name: string,
  language: LanguageNetwork,
  prompt: Sequence,
  from: LanguageStream | undefined,
): Given {
  const given = language.tokenizer.read(where, name, prompt);
  const isPrimed =
    from === undefined
      ? language.start !== undefined
      : contentOf<StreamContent>(where, from).isPrimed;
  if (given.length > 0 || isPrimed) return given;
  const hint = "the model has no start token, so pass a text to continue";
  throw new RangeError(`${where}: ${name}: expected at least one token: ${hint}`);
}

/** The state from which a prompt is read: after `from`, or after the start token. */
export function initialState(
  where: string,
  language: LanguageNetwork,
  from: LanguageStream | undefined,
): Block {
  if (from !== undefined) {
    return language.newState(contentOf<StreamContent>(where, from).block);
  }
  const block = language.newState();
  language.reset(block);
  return block;
}
