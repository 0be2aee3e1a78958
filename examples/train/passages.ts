import type { Random } from "./random.js";
import { CHARACTERS, START } from "./vocabulary.js";

/** Draws passages of a text that begin at the start of a line, where the network's state is zero, as it is in scoring. */
export class Passages {
  readonly #ids: Uint8Array;
  readonly #length: number;
  readonly #starts: Int32Array;
  readonly #random: Random;

  /**
   * @param ids the text
   * @param length the length of a passage, including the line end before its first character
   * @throws {RangeError} if no line is followed by so many characters
   */
  constructor(ids: Uint8Array, length: number, random: Random) {
    const start = CHARACTERS.indexOf(START);
    const starts: number[] = [];
    for (let at = 0; at + length <= ids.length; at++) if (ids[at] === start) starts.push(at);
    if (starts.length === 0) {
      throw new RangeError(`expected a text with a line that ${length} characters follow`);
    }
    this.#ids = ids;
    this.#length = length;
    this.#starts = Int32Array.from(starts);
    this.#random = random;
  }

  /** m random passages. */
  draw(m: number): Uint8Array[] {
    return Array.from({ length: m }, () => {
      const at = this.#starts[Math.floor(this.#random() * this.#starts.length)] as number;
      return this.#ids.subarray(at, at + this.#length);
    });
  }
}
