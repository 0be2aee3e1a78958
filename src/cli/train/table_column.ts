const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
/** What tables have where a number is missing. */
const MISSING = /^\s*(|na|n\/a|nan|null|none|-|\?)\s*$/i;

/** Fields of a column of numbers that hold none. */
export interface Gap {
  /** The first of them, from 1 after the names. */
  readonly row: number;
  readonly field: string;
  readonly fields: number;
  /** Whether all of them are missing: if not, `field` is another fault. */
  readonly onlyMissing: boolean;
}

/** A column of a CSV file. */
export type TableColumn =
  | { readonly kind: "numbers"; readonly values: Float64Array; readonly filled: number }
  | { readonly kind: "gaps"; readonly values: readonly string[]; readonly gap: Gap }
  | { readonly kind: "texts"; readonly values: readonly string[]; readonly text: string };

/** Numbers of which some are missing; a missing one is that of the row before, in the first rows the first one. */
function filled(fields: readonly string[], first: number): Float64Array {
  let last = first;
  return Float64Array.from(fields, (field) => {
    if (NUMBER.test(field)) last = Number(field);
    return last;
  });
}

/**
 * Reads a column. It is one of numbers if all its fields are, with gaps if at least half are and the others are missing, or
 * if nine in ten are; otherwise its fields are texts.
 *
 * @param fillsGaps whether a missing number repeats the row before
 */
export function tableColumn(fields: readonly string[], fillsGaps: boolean): TableColumn {
  const others = fields.filter((field) => !NUMBER.test(field));
  const [text] = others;
  if (text === undefined) {
    return { kind: "numbers", values: Float64Array.from(fields, Number), filled: 0 };
  }
  const numbers = fields.length - others.length;
  const onlyMissing = others.every((field) => MISSING.test(field));
  const share = onlyMissing ? 0.5 : 0.9;
  if (numbers === 0 || numbers < share * fields.length)
    return { kind: "texts", values: fields, text };
  if (onlyMissing && fillsGaps) {
    const first = Number(fields.find((field) => NUMBER.test(field)));
    return { kind: "numbers", values: filled(fields, first), filled: others.length };
  }
  // Of a fault among missing fields the fault is named.
  const field = others.find((each) => !MISSING.test(each)) ?? text;
  const gap = { row: fields.indexOf(field) + 1, field, fields: others.length, onlyMissing };
  return { kind: "gaps", values: fields, gap };
}
