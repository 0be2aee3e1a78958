import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ModelDescription } from "recurra";
import { Problem } from "../problem.js";
import type { ModelKind } from "./backend.js";

/** A model file that was read: for a graph its bytes, otherwise what a reader of its format found. */
export type ModelFile = {
  /** SHA-256 of the file, and of the files that belong to it, in hex. */
  readonly hash: string;
  readonly size: number;
} & (
  | { readonly kind: "graph"; readonly bytes: Uint8Array }
  | { readonly kind: "language" | "tagger"; readonly description: ModelDescription }
);

/** Files that are models, by their ends. */
export const MODEL_FILE = /\.(safetensors|onnx|keras|json)$/i;

const BRACE = 0x7b;

/** Reads a model file of any format that the library reads. @throws a `Problem` of code `invalid-model` */
export async function readModelFile(path: string, kind?: ModelKind): Promise<ModelFile> {
  try {
    return await read(path, kind);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("invalid-model", `${path}: ${(error as Error).message}`, { cause: error });
  }
}

async function read(path: string, kind: ModelKind | undefined): Promise<ModelFile> {
  const bytes = await readFile(path);
  const format = formatOf(path, bytes);
  if (format === "onnx" && (kind === undefined || kind === "graph")) {
    return { kind: "graph", bytes, hash: await sha256([bytes]), size: bytes.byteLength };
  }
  if (kind === "graph")
    throw new Problem("invalid-model", `${path}: a graph has to be an ONNX file`);
  const parts: Uint8Array[] = [bytes];
  const description = await describe(format, path, parts);
  const found = kind ?? kindOf(description);
  const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return { kind: found, description, hash: await sha256(parts), size };
}

type Format = "safetensors" | "onnx" | "keras" | "tensorflowjs";

/** The format of a file, by its content where that is plain, else by its name. */
function formatOf(path: string, bytes: Uint8Array): Format {
  // The header of a safetensors file follows its length, whose first byte may be anything.
  if (bytes[7] === 0 && bytes[8] === BRACE) return "safetensors";
  if (/\.keras$/i.test(path)) return "keras";
  if (/\.onnx$/i.test(path)) return "onnx";
  if (/\.json$/i.test(path)) return "tensorflowjs";
  return "safetensors";
}

/** @param parts the file; the other files that belong to it are added */
async function describe(
  format: Format,
  path: string,
  parts: Uint8Array[],
): Promise<ModelDescription> {
  const [bytes] = parts as [Uint8Array];
  if (format === "keras") return (await import("recurra/keras")).describeKeras(bytes);
  if (format === "onnx") return (await import("recurra/onnx")).describeOnnx(bytes);
  if (format === "safetensors") {
    const { describeSafetensors, readSafetensors } = await import("recurra/safetensors");
    return describeSafetensors(readSafetensors(bytes));
  }
  const model = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as object;
  const shards = await Promise.all(
    shardNames(path, model).map((name) => readFile(join(dirname(path), name))),
  );
  parts.push(...shards);
  return (await import("recurra/tensorflowjs")).describeTensorflowJs(model, shards);
}

/** The names of the shards in a model.json. They are files beside it: a name cannot lead elsewhere. */
function shardNames(path: string, model: object): string[] {
  const { weightsManifest } = model as { weightsManifest?: unknown };
  const groups: unknown[] = Array.isArray(weightsManifest) ? weightsManifest : [];
  const names = groups.flatMap((group) => (group as { paths?: unknown } | null)?.paths ?? []);
  for (const name of names) {
    if (typeof name === "string" && /^[^/\\]+$/.test(name) && !/^\.+$/.test(name)) continue;
    const got = JSON.stringify(name);
    throw new Problem(
      "invalid-model",
      `${path}: weightsManifest: expected names of files beside it, got ${got}`,
    );
  }
  return [...new Set(names as string[])];
}

/** A model of tokens whose outputs are as many predicts the next token; every other one tags. */
export function kindOf({
  input,
  recurrent,
  dense,
  output,
}: ModelDescription): "language" | "tagger" {
  if (input.kind === "features" || output !== "steps") return "tagger";
  if (recurrent.some(({ options }) => options.bidirectional === true)) return "tagger";
  const tokens = input.kind === "embedding" ? input.weight.shape[0] : input.size;
  return dense.at(-1)?.weight.shape[0] === tokens ? "language" : "tagger";
}

/** One hash over all parts; that of a single file is what `sha256sum` prints. The work is done off the event loop. */
async function sha256(parts: readonly Uint8Array[]): Promise<string> {
  const digests = await Promise.all(
    parts.map(async (part) =>
      Buffer.from(await crypto.subtle.digest("SHA-256", part as Uint8Array<ArrayBuffer>)),
    ),
  );
  const [first] = digests as [Buffer];
  if (digests.length === 1) return first.toString("hex");
  return createHash("sha256").update(Buffer.concat(digests)).digest("hex");
}
