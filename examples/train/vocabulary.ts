/** Ends a line, and stands before the first character of a text: the model's start token. */
export const START = "\n";

/** Stands for every character that has no place of its own. */
export const UNKNOWN = "\ufffd";

/** All characters by id: the line's end, the printable ASCII characters in their order, and the unknown one. */
export const CHARACTERS: readonly string[] = [
  START,
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(0x20 + i)),
  UNKNOWN,
];

const IDS: ReadonlyMap<string, number> = new Map(
  CHARACTERS.map((character, id) => [character, id]),
);

/** The id of every character (code point) of a text. */
export function encode(text: string): Uint8Array {
  const unknown = IDS.get(UNKNOWN) as number;
  const ids = new Uint8Array(text.length);
  let count = 0;
  for (const character of text) ids[count++] = IDS.get(character) ?? unknown;
  return ids.subarray(0, count);
}
