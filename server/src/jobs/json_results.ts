import type { AtomicFile } from "./atomic_file.js";
import { type FieldValue, JsonText, jsonOf } from "./fields.js";
import type { Cell, ResultColumn } from "./result_columns.js";

/** Characters that are written at a time. */
const MOST_CHARACTERS = 2 ** 16;
/** Numbers that become one text. A long sequence has more of them than a text may have characters. */
const MOST_NUMBERS = 4096;

/** Lines of JSON on their way to a file. */
export class JsonLines {
  readonly #file: AtomicFile;
  readonly #names: readonly string[];
  #text = "";

  constructor(file: AtomicFile, names: readonly string[]) {
    this.#file = file;
    this.#names = names.map((name) => JSON.stringify(name));
  }

  /** Writes an object with a cell for each name. */
  async add(cells: readonly Cell[]): Promise<void> {
    for (const [i, cell] of cells.entries()) {
      this.#text += `${i === 0 ? "{" : ","}${this.#names[i]}:`;
      for (const piece of jsonPieces(cell)) {
        this.#text += piece;
        if (this.#text.length > MOST_CHARACTERS) await this.end();
      }
    }
    this.#text += "}\n";
    if (this.#text.length > MOST_CHARACTERS) await this.end();
  }

  async end(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    await this.#file.write(Buffer.from(text));
  }
}

export const namesOf = (columns: readonly ResultColumn[]): string[] =>
  columns.map(({ name }) => name);

/** A cell as JSON, in pieces. NaN is null. */
function* jsonPieces(cell: Cell): Generator<string, void, void> {
  if (cell === null || typeof cell !== "object" || cell instanceof JsonText) {
    yield jsonOf(cell as FieldValue);
  } else if ("shape" in cell) {
    const [rows = 0, width = 0] = cell.shape;
    yield "[";
    for (let t = 0; t < rows; t++) {
      if (t > 0) yield ",";
      yield* listPieces(cell.data.subarray(t * width, (t + 1) * width));
    }
    yield "]";
  } else yield* listPieces(cell);
}

function* listPieces(
  list: Float64Array | Int32Array | readonly string[],
): Generator<string, void, void> {
  yield "[";
  for (let from = 0; from < list.length; from += MOST_NUMBERS) {
    const some = Array.from(list.slice(from, from + MOST_NUMBERS) as ArrayLike<number | string>);
    yield `${from === 0 ? "" : ","}${JSON.stringify(some).slice(1, -1)}`;
  }
  yield "]";
}
