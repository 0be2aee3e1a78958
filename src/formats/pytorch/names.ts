import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { formatShape } from "../../tensor.js";
import type { StoredTensor } from "../safetensors/reader.js";

export type Tensors = ReadonlyMap<string, StoredTensor>;

/** A recurrent module: the tensors of its layers and directions, which stand under one name. */
export interface Group {
  /** What stands before the last dot; empty where there is none. */
  readonly name: string;
  readonly layers: number;
  readonly bidirectional: boolean;
  /** The file's name of a weight, by `weight_ih_l0` and the like: a cell's `weight_ih` is one of those too. */
  readonly names: ReadonlyMap<string, string>;
}

/** Any other module: a weight, a bias or both. */
export interface Module {
  readonly name: string;
  readonly weight?: string;
  readonly bias?: string;
}

const PARTS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "peephole"];
const RECURRENT = new RegExp(
  `^(?:(.*)\\.)?((${PARTS.join("|")})(?:_l(0|[1-9]\\d{0,3})(_reverse)?)?)$`,
  "s",
);
const OTHER = /^(?:(.*)\.)?(weight|bias)$/s;

export function fail(code: ModelFormatCode, what: string, tensor?: string): never {
  const place = tensor === undefined ? "" : `${quote(tensor)}: `;
  throw new ModelFormatError(code, `describeSafetensors: ${place}${what}`, tensor);
}

export const quote = (name: string): string => JSON.stringify(name);

/** A tensor's name: that of its module, a dot and its own. */
export const join = (module: string, name: string): string =>
  module === "" ? name : `${module}.${name}`;

/** Some of them, for a message. */
export function list(names: readonly string[]): string {
  const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  const last = shown.at(-1) ?? "none";
  return shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ${last}` : last;
}

export const shown = (tensors: Tensors, name: string): string =>
  `${quote(name)} ${formatShape(tensors.get(name)?.shape ?? [])}`;

/** Numbers in names count as numbers: l2 stands before l10. */
const ORDER = new Intl.Collator("en", { numeric: true });
export const byName = (a: { name: string }, b: { name: string }): number =>
  ORDER.compare(a.name, b.name);

/** The recurrent modules of a file, by name. */
export function findGroups(tensors: Tensors): Group[] {
  const found = new Map<string, Map<string, string>>();
  for (const file of tensors.keys()) {
    const [, name = "", own, part, layer, reverse = ""] = RECURRENT.exec(file) ?? [];
    if (own === undefined) continue;
    const names = found.get(name) ?? new Map<string, string>();
    found.set(name, names);
    const key = `${part}_l${layer ?? 0}${reverse}`;
    const twin = names.get(key);
    if (twin !== undefined) fail("duplicate-key", `stands for the same as ${quote(twin)}`, file);
    names.set(key, file);
  }
  const groups = [...found].map(([name, names]): Group => {
    const keys = [...names.keys()];
    const layers = keys.map((key) => Number(/\d+/.exec(key)?.[0]) + 1);
    const bidirectional = keys.some((key) => key.endsWith("_reverse"));
    return { name, layers: Math.max(...layers), bidirectional, names };
  });
  return groups.sort(byName);
}

/** The modules that have a `weight` or a `bias`, by name. */
export function findModules(tensors: Tensors): Map<string, Module> {
  const modules = new Map<string, Module>();
  for (const file of tensors.keys()) {
    const [, name = "", kind] = OTHER.exec(file) ?? [];
    if (kind !== undefined) modules.set(name, { ...modules.get(name), name, [kind]: file });
  }
  return new Map([...modules].sort(([, a], [, b]) => byName(a, b)));
}

const EMBEDDING = /emb|encoder|wte|lookup/i;
const OUTPUT = /fc|linear|decoder|head|out|proj|dense|classifier/i;

/** What a module's name says it is: its last part first, then the whole of it. */
export function hintOf(name: string): "embedding" | "output" | undefined {
  for (const text of [name.slice(name.lastIndexOf(".") + 1), name]) {
    const [embedding, output] = [EMBEDDING.test(text), OUTPUT.test(text)];
    if (embedding !== output) return embedding ? "embedding" : "output";
  }
  return undefined;
}

/** Whether names differ in their numbers only, as `lstm1` and `lstm2` do. */
export const areNumbered = (groups: readonly Group[]): boolean =>
  new Set(groups.map(({ name }) => name.replace(/\d+/g, ""))).size === 1;
