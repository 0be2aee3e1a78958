import { readFile } from "node:fs/promises";
import { Tokenizer } from "@huggingface/tokenizers";
import { InputError, withFile } from "./faults.js";
import { parseJson } from "./model.js";

/** The metadata key under which a model keeps the tokenizer.json that it was trained with. */
export const TOKENIZER_KEY = "tokenizer.json";

/** Tokens of a Hugging Face tokenizer.json: texts become ids by its rules, and ids texts. */
export class FileTokenizer {
  /** The number of ids. */
  readonly size: number;
  /** The JSON of the file, without spaces. */
  readonly json: string;
  readonly #tokenizer: Tokenizer;

  private constructor(name: string, file: object) {
    this.json = JSON.stringify(file);
    try {
      this.#tokenizer = new Tokenizer(file, {});
      const ids = [...this.#tokenizer.get_vocab().values()];
      this.size = ids.reduce((most, id) => Math.max(most, id + 1), 0);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new InputError(`${name}: expected a tokenizer.json of Hugging Face: ${why}`);
    }
    if (this.size === 0) throw new InputError(`${name}: expected at least one token, got none`);
  }

  static async open(path: string): Promise<FileTokenizer> {
    const bytes = await withFile(path, () => readFile(path));
    return new FileTokenizer(path, parseJson(path, bytes));
  }

  /** The tokenizer in the metadata of a model, or undefined. */
  static of(name: string, metadata: ReadonlyMap<string, string>): FileTokenizer | undefined {
    const text = metadata.get(TOKENIZER_KEY);
    if (text === undefined) return undefined;
    const place = `${name}: metadata: ${TOKENIZER_KEY}`;
    return new FileTokenizer(place, parseJson(place, new TextEncoder().encode(text)));
  }

  encode(text: string): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  decode(ids: readonly number[]): string {
    return this.#tokenizer.decode([...ids], { clean_up_tokenization_spaces: false });
  }
}
