/** The line end. It is also the start token, which stands before the first character of a text. */
export const START = "\n";

/** Stands for every character outside the vocabulary. */
export const UNKNOWN = "\ufffd";

/** All characters by id: the line end, the printable ASCII characters in order, and the unknown one. */
export const CHARACTERS: readonly string[] = [
  START,
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(0x20 + i)),
  UNKNOWN,
];

const IDS: ReadonlyMap<string, number> = new Map(
  CHARACTERS.map((character, id) => [character, id]),
);

/** The ids of the characters (code points) of a text. */
export function encode(text: string): Uint8Array {
  const unknown = IDS.get(UNKNOWN) as number;
  const ids = new Uint8Array(text.length);
  let count = 0;
  for (const character of text) ids[count++] = IDS.get(character) ?? unknown;
  return ids.subarray(0, count);
}
