/** The index after the JSON text that begins with the quote at `at`. */
function endOfString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const unit = text[i];
    if (unit === '"') return i + 1;
    if (unit === "\\") i++;
  }
  return text.length;
}

/**
 * The fields of a JSON object as they stand in its text: a number keeps all its digits, which `JSON.parse` would round. Of
 * two fields of one name the last counts, as with `JSON.parse`.
 *
 * @param text valid JSON
 */
export function rawFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let depth = 0;
  let key: string | undefined;
  let start = 0;
  const close = (end: number): void => {
    if (key !== undefined) fields.set(key, text.slice(start, end).trim());
    key = undefined;
  };
  for (let i = 0; i < text.length; ) {
    const unit = text[i];
    const next = unit === '"' ? endOfString(text, i) : i + 1;
    if (unit === "{" || unit === "[") depth++;
    if (unit === "}" || unit === "]") depth--;
    if (depth === 1) {
      if (unit === '"') key ??= JSON.parse(text.slice(i, next)) as string;
      else if (unit === ":") start = next;
      else if (unit === ",") close(i);
    } else if (depth === 0) close(i);
    i = next;
  }
  return fields;
}
