import { visit } from "jsonc-parser";

/** JSON as it stands in the input: a number keeps all its digits. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The value of a field that is passed through. */
export type FieldValue = string | number | bigint | boolean | null | JsonText;

/** The value as JSON; NaN and infinities are null. */
export function jsonOf(value: FieldValue): string {
  if (value instanceof JsonText) return value.text;
  if (typeof value === "bigint") return String(value);
  return JSON.stringify(value);
}

/** The value as a text, as PostgreSQL's operator `->>` gives it: a text as it is, everything else as JSON. */
export function plainTextOf(value: FieldValue): string | null {
  if (value === null || typeof value === "string") return value;
  const json = jsonOf(value);
  if (json === "null") return null;
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

/** The fields of a JSON object as they stand in its text. `text` is valid JSON; of two fields of one name the last counts. */
export function fieldsOf(text: string, names: readonly string[]): FieldValue[] {
  const found = new Map<string, string>();
  let depth = 0;
  let key: string | undefined;
  let start = 0;
  const begin = (offset: number): void => {
    if (depth++ === 1) start = offset;
  };
  const end = (offset: number, length: number): void => {
    if (--depth === 1 && key !== undefined) found.set(key, text.slice(start, offset + length));
  };
  visit(text, {
    onObjectBegin: begin,
    onArrayBegin: begin,
    onObjectEnd: end,
    onArrayEnd: end,
    onObjectProperty: (name) => {
      if (depth === 1) key = name;
    },
    onLiteralValue: (_, offset, length) => {
      if (depth === 1 && key !== undefined) found.set(key, text.slice(offset, offset + length));
    },
  });
  return names.map((name) => {
    const json = found.get(name);
    return json === undefined ? null : new JsonText(json);
  });
}

/** A value of a Parquet file. What is nested becomes JSON, a time a text, bytes base64. */
export function fieldIn(value: unknown): FieldValue {
  if (value === null || value === undefined) return null;
  if (["number", "string", "bigint", "boolean"].includes(typeof value)) return value as FieldValue;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return new JsonText(nestedJson(value));
}

function nestedJson(value: unknown): string {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof Uint8Array))) {
    return `[${Array.from(value as Iterable<unknown>, nestedJson).join(",")}]`;
  }
  const isPlain = typeof value === "object" && value !== null && !(value instanceof Date);
  if (!isPlain || value instanceof Uint8Array) return jsonOf(fieldIn(value));
  const members = Object.entries(value).map(
    ([name, each]) => `${JSON.stringify(name)}:${nestedJson(each)}`,
  );
  return `{${members.join(",")}}`;
}
