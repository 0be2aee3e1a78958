import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { InputError, withFile } from "../faults.js";

/** A whole file of text, which gzip may have compressed. */
export interface TextFile {
  readonly text: string;
  /** Of the bytes as they are on the disk. */
  readonly sha256: string;
}

/** Reads a file of UTF-8. */
export async function readText(path: string): Promise<TextFile> {
  const bytes = await withFile(path, () => readFile(path));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  let plain: Uint8Array = bytes;
  try {
    if (isGzip) plain = gunzipSync(bytes);
  } catch {
    throw new InputError(`${path}: its gzip data is damaged or incomplete`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(plain);
    // As `score` reads lines.
    return { text: text.replaceAll("\r\n", "\n"), sha256 };
  } catch {
    throw new InputError(`${path}: expected text in UTF-8, got other bytes`);
  }
}

/**
 * Divides a text in the order of time: the last share of it is for validation. It is cut after the end of a line, if there
 * are lines.
 */
export function splitText(text: string, share: number): { train: string; validation: string } {
  const at = Math.floor(text.length * (1 - share));
  const line = text.lastIndexOf("\n", at) + 1;
  // Never between the halves of a pair.
  const isPair = /[\ud800-\udbff]/.test(text[at - 1] ?? "");
  const cut = line > 0 ? line : isPair ? at - 1 : at;
  return { train: text.slice(0, cut), validation: text.slice(cut) };
}

/** The lines of a text, each with its end. */
export const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
