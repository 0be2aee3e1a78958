import { checkObject } from "./tensor.js";

/** The names of the options of `O`, all of them: a name that is left out does not compile. */
export type OptionNames<O> = Readonly<Record<keyof O, true>>;

/** Longest word that is compared with others: a guess costs the product of two lengths. */
const LONGEST_WORD = 40;

/**
 * Edits that turn `a` into `b`: a character more, less or other, or two neighbours swapped (optimal string alignment).
 */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(substituted, (above[j] as number) + 1, (row[j - 1] as number) + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, (before[j - 2] as number) + 1);
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length] as number;
}

/** The candidate that `word` is a misspelling of, capitals apart: about a third of its letters may differ. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  let found: string | undefined;
  let least = Math.floor((word.length + 1) / 3) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    found = candidate;
  }
  return found;
}

/**
 * Throws a `TypeError` unless `options` is an object and has no option but the known ones. An option that is misspelt
 * would otherwise be ignored.
 *
 * @param where the function that was called
 * @param options what it was given
 * @param known every option's name; write it as `const NAMES: OptionNames<Options>`, which the compiler keeps complete
 * @param name the operand in the message
 */
export function checkOptions<O extends object>(
  where: string,
  options: O,
  known: OptionNames<O>,
  name = "options",
): void {
  checkObject(where, name, options);
  for (const key of Object.keys(options)) {
    if (Object.hasOwn(known, key)) continue;
    const names = Object.keys(known);
    const meant = nearest(key, names);
    const hint =
      meant === undefined ? `expected one of ${names.join(", ")}` : `did you mean ${meant}?`;
    const shown = key.length > LONGEST_WORD ? `${key.slice(0, LONGEST_WORD)}…` : key;
    throw new TypeError(`${where}: ${name}: unknown option ${JSON.stringify(shown)}: ${hint}`);
  }
}
