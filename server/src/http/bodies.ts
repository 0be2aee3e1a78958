import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { parse } from "secure-json-parse";
import { Problem } from "../problem.js";

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT] = [0x5b, 0x7b, 0x5d, 0x7d];

/** Throws if lists and objects stand deeper inside each other than `limit`: code after the parser would recurse into them. */
export function checkDepth(text: string, limit: number): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = endOfString(text, i);
    } else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > limit)
        throw new Problem(
          "invalid-json",
          `lists and objects stand more than ${limit} deep inside each other`,
        );
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
}

/** The index of the quotation mark that ends the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

/** The text of bytes. Bytes that are none would be replaced in silence by U+FFFD, and another text would be scored. */
export function textOf(bytes: Buffer, what: string): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new Problem("invalid-json", `${what}: expected UTF-8`);
}

/** Reads JSON with bounded depth. A member `__proto__` is an error, as in bodies. @throws a `Problem` of code `invalid-json` */
export function parseJson(text: string, maxDepth: number): unknown {
  checkDepth(text, maxDepth);
  try {
    return parse(text, null, { protoAction: "error", constructorAction: "error" });
  } catch (cause) {
    throw new Problem("invalid-json", (cause as Error).message, { cause });
  }
}

/** The parsers of bodies: JSON with bounded depth, bytes, and lines that are read as they come. */
export function addParsers(app: FastifyInstance, maxDepth: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => {
    try {
      done(null, parseJson(textOf(body as Buffer, "body"), maxDepth));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_, body, done) =>
    done(null, body),
  );
  app.addContentTypeParser(["application/x-ndjson", "application/jsonl"], (_, payload, done) =>
    done(null, payload),
  );
}
