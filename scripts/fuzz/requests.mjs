import fc from "fast-check";

/** Texts that a parser, a path or a number may take for something else. */
const TEXTS = [
  "",
  " ",
  "\0",
  "..",
  "../../etc/passwd",
  "..%2f..%2fetc%2fpasswd",
  "__proto__",
  "constructor",
  "\ud800",
  "é\u{1f600}",
  "'; --",
  "x".repeat(5000),
];
/** JSON that no schema asks for. Not all of it is JSON. */
const VALUES = [
  "null",
  "NaN",
  "-0",
  "1e999",
  "-1",
  "1.5",
  "2147483648",
  "9007199254740993",
  "true",
  '"1"',
  "[]",
  "{}",
  "[[]]",
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  `${"[".repeat(3000)}${"]".repeat(3000)}`,
  `${'{"a":'.repeat(500)}1${"}".repeat(500)}`,
];
/** Bodies that are no JSON, or not of the size that they seem to have. */
const BODIES = ["", "{", '{"sequences":', "\ufeff{}", '{"a":1,"a":2}', `"${"x".repeat(300_000)}"`];

const hostile = fc.constantFrom(...VALUES);

/** Follows a reference within the document. */
const resolved = (schema, document) =>
  schema?.$ref === undefined
    ? schema
    : schema.$ref
        .split("/")
        .slice(1)
        .reduce((at, name) => at?.[name], document);

/** JSON text of a schema: mostly what it asks for, sometimes with a hostile value in any place. */
export function jsonOf(schema, document) {
  return fc.oneof(
    { weight: 12, arbitrary: schemaText(schema, document, 0) },
    { weight: 1, arbitrary: hostile },
    { weight: 1, arbitrary: fc.constantFrom(...BODIES) },
  );
}

function schemaText(given, document, depth) {
  const schema = resolved(given, document) ?? {};
  const usual = usualOf(schema, document, depth + 1);
  return fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: hostile });
}

function usualOf(schema, document, depth) {
  const { type, properties, items, required = [] } = schema;
  const choices = schema.anyOf ?? schema.oneOf;
  if (depth > 6) return fc.constant("null");
  if (schema.const !== undefined) return fc.constant(JSON.stringify(schema.const));
  if (schema.enum !== undefined)
    return fc.constantFrom(...schema.enum.map((each) => JSON.stringify(each)));
  if (choices !== undefined)
    return fc.oneof(...choices.map((each) => schemaText(each, document, depth)));
  if (type === "array") {
    const inner = schemaText(items, document, depth);
    return fc.array(inner, { maxLength: 5 }).map((all) => `[${all.join(",")}]`);
  }
  if (type === "object" || properties !== undefined) {
    const fields = Object.entries(properties ?? {}).map(([name, each]) => {
      const field = schemaText(each, document, depth).map(
        (text) => `${JSON.stringify(name)}:${text}`,
      );
      return required.includes(name) ? field : fc.option(field, { nil: undefined });
    });
    const odd = fc.constantFrom(
      undefined,
      undefined,
      undefined,
      '"__proto__":{"polluted":1}',
      '"other":1',
    );
    return fc
      .tuple(...fields, odd)
      .map((all) => `{${all.filter((each) => each !== undefined).join(",")}}`);
  }
  if (type === "integer") return fc.integer({ min: -2, max: 100 }).map(String);
  if (type === "number") return fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
  if (type === "boolean") return fc.constantFrom("true", "false");
  if (type === "string") return words.map((text) => JSON.stringify(text));
  return hostile;
}

const words = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("english", "The ship came home.", "a", "text", "BYTES", "INT64"),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(...TEXTS) },
);

/** A text for a parameter. Paths take no unpaired surrogate. */
export const textOf = () =>
  words.map((text) => text.toWellFormed?.() ?? text.replaceAll("\ud800", "?"));
