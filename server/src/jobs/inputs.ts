import { stat } from "node:fs/promises";
import { basename, isAbsolute, normalize, resolve, sep } from "node:path";
import { glob } from "tinyglobby";
import { JobError, withFile } from "./errors.js";
import { isGzipFile } from "./input_range.js";
import type { InputFormat, JobInput } from "./plan.js";

/** What a user says of the inputs. */
export interface InputRequest {
  /** Paths and patterns of files. */
  readonly inputs: readonly string[];
  /** The output folder, whose files are no inputs. */
  readonly folder: string;
  /** Without it: by the names of the files. */
  readonly format?: InputFormat | undefined;
}

/** The files, in the order of the patterns; those of a pattern by name. */
export async function inputsOf({ inputs, folder, format }: InputRequest): Promise<JobInput[]> {
  const found = new Map<string, string>();
  for (const pattern of inputs) {
    for (const name of await matching(pattern, resolve(folder))) {
      if (!found.has(resolve(name))) found.set(resolve(name), name);
    }
  }
  return Promise.all([...found].map(([path, name]) => inputOf(path, name, format)));
}

/** The names of the files that a pattern matches, absolute if it is. */
async function matching(pattern: string, folder: string): Promise<string[]> {
  const given = await stat(pattern).catch(() => undefined);
  const options = { expandDirectories: false, absolute: isAbsolute(pattern) };
  const names = given?.isFile() ? [pattern] : (await glob(pattern, options)).sort();
  const outside = names.filter((name) => !resolve(name).startsWith(`${folder}${sep}`));
  if (outside.length > 0) return outside.map((name) => normalize(name).split(sep).join("/"));
  let why = `no file matches ${pattern}`;
  if (names.length > 0) {
    why = `the files that match ${pattern} stand in the output folder, ${folder}: choose another --output`;
  } else if (given?.isDirectory()) {
    why = `${pattern} is a folder: pass a pattern of files, such as '${pattern.replace(/[/\\]$/, "")}/**'`;
  } else if (given !== undefined) why = `${pattern} is no regular file: write what it gives to one`;
  throw new JobError("input", `--input: ${why}`);
}

function formatOf(name: string): InputFormat {
  const [, extension = ""] =
    /\.(\w+)$/.exec(basename(name).toLowerCase().replace(/\.gz$/, "")) ?? [];
  if (extension === "jsonl" || extension === "ndjson") return "jsonl";
  return extension === "csv" || extension === "parquet" ? extension : "text";
}

async function inputOf(
  path: string,
  name: string,
  format: InputFormat = formatOf(name),
): Promise<JobInput> {
  return withFile(name, async () => {
    const { size, mtimeMs } = await stat(path);
    const isGzip = format !== "parquet" && (await isGzipFile(path));
    return { path, name, format, isGzip, size, changed: mtimeMs };
  });
}
