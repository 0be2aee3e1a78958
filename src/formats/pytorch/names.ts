import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { formatShape } from "../../tensor.js";
import type { StoredTensor } from "../safetensors/reader.js";

export type Tensors = ReadonlyMap<string, StoredTensor>;

/** A recurrent module: the tensors of its layers and directions, which share the part of their names before the last dot. */
export class RecurrentModule {
  /** The part of the names before the last dot; empty if they have no dot. */
  readonly name: string;
  /** The file's name of a weight by its name in a layer, such as `weight_ih_l0`. A cell's `weight_ih` counts as layer 0. */
  readonly names: ReadonlyMap<string, string>;
  /** The kinds of weights that it has, such as `weight_hr`. */
  readonly parts: ReadonlySet<string>;
  readonly layers: number;
  readonly bidirectional: boolean;
  /** Whether the file calls its weights as RNNCell does, without a layer. */
  readonly isCell: boolean;

  constructor(name: string, weights: readonly Weight[]) {
    this.name = name;
    const names = new Map<string, string>();
    for (const { file, part, layer = "0", reverse } of weights) {
      const key = `${part}_l${layer}${reverse}`;
      const twin = names.get(key);
      if (twin !== undefined) fail("duplicate-key", `is the same weight as ${quote(twin)}`, file);
      names.set(key, file);
    }
    this.names = names;
    this.parts = new Set(weights.map(({ part }) => part));
    this.layers = weights.reduce((most, { layer }) => Math.max(most, Number(layer ?? 0) + 1), 0);
    this.bidirectional = weights.some(({ reverse }) => reverse !== "");
    this.isCell = weights.every(({ layer }) => layer === undefined);
  }
}

/** A weight's name in a file, taken apart. */
interface Weight {
  readonly file: string;
  readonly part: string;
  readonly layer: string | undefined;
  readonly reverse: string;
}

/** Any other module: a weight, a bias or both. */
export interface PlainModule {
  readonly name: string;
  readonly weight?: string;
  readonly bias?: string;
}

const PARTS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "peephole"];
const RECURRENT = /* @__PURE__ */ new RegExp(
  `^(?:(.*)\\.)?((${PARTS.join("|")})(?:_l(0|[1-9]\\d{0,3})(_reverse)?)?)$`,
  "s",
);
const PLAIN = /^(?:(.*)\.)?(weight|bias)$/s;

export function fail(code: ModelFormatCode, what: string, tensor?: string): never {
  const place = tensor === undefined ? "" : `${quote(tensor)}: `;
  throw new ModelFormatError(code, `describeSafetensors: ${place}${what}`, tensor);
}

export const quote = (name: string): string => JSON.stringify(name);

/** A tensor's name: its module's name, a dot and its own name. */
export const join = (module: string, name: string): string =>
  module === "" ? name : `${module}.${name}`;

/** The first few of `names`, in the form of an enumeration. */
export function list(names: readonly string[]): string {
  const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  const last = shown.at(-1) ?? "none";
  return shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ${last}` : last;
}

export const shown = (tensors: Tensors, name: string): string =>
  `${quote(name)} ${formatShape(tensors.get(name)?.shape ?? [])}`;

const MARKS = "_-.";

/**
 * A key whose code units compare as names do for a reader: `_`, `-` and `.` before digits before letters, upper case like
 * lower case, and digits by their value, so that `l2` precedes `l10`.
 */
const sortKey = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[-_.]/g, (mark) => String.fromCharCode(1 + MARKS.indexOf(mark)))
    // A number without leading zeros is larger if it has more digits.
    .replace(/\d+/g, (digits) => {
      const value = digits.replace(/^0+/, "");
      return `0${String.fromCharCode(value.length)}${value}`;
    });

/** The items in the order of their names, as `Intl.Collator("en", { numeric: true })` has it for ASCII names. */
export function sortByName<T extends { readonly name: string }>(items: Iterable<T>): T[] {
  const keyed = [...items].map((item) => ({
    item,
    key: sortKey(item.name),
    letters: item.name.replace(/\d+/g, ""),
  }));
  keyed.sort((a, b) => {
    if (a.key !== b.key) return a.key < b.key ? -1 : 1;
    // Equal but for case: lower case first.
    return a.letters === b.letters ? 0 : a.letters > b.letters ? -1 : 1;
  });
  return keyed.map(({ item }) => item);
}

/** The recurrent modules of a file by name, in the order of their names. */
export function findRecurrentModules(tensors: Tensors): Map<string, RecurrentModule> {
  const weights = new Map<string, Weight[]>();
  for (const file of tensors.keys()) {
    const [, name = "", , part, layer, reverse = ""] = RECURRENT.exec(file) ?? [];
    if (part === undefined) continue;
    const own = weights.get(name) ?? [];
    weights.set(name, own);
    own.push({ file, part, layer, reverse });
  }
  const modules = [...weights].map(([name, own]) => new RecurrentModule(name, own));
  return new Map(sortByName(modules).map((module) => [module.name, module]));
}

/** The modules that have a `weight` or a `bias` by name, in the order of their names. */
export function findPlainModules(tensors: Tensors): Map<string, PlainModule> {
  const modules = new Map<string, PlainModule>();
  for (const file of tensors.keys()) {
    const [, name = "", kind] = PLAIN.exec(file) ?? [];
    if (kind !== undefined) modules.set(name, { ...modules.get(name), name, [kind]: file });
  }
  return new Map(sortByName(modules.values()).map((module) => [module.name, module]));
}

const EMBEDDING = /emb|encoder|wte|lookup/i;
const OUTPUT = /fc|linear|decoder|head|out|proj|dense|classifier/i;

/** The role that a module's name suggests: the last part of the name decides, then the whole of it. */
export function hintOf(name: string): "embedding" | "output" | undefined {
  for (const text of [name.slice(name.lastIndexOf(".") + 1), name]) {
    const [embedding, output] = [EMBEDDING.test(text), OUTPUT.test(text)];
    if (embedding !== output) return embedding ? "embedding" : "output";
  }
  return undefined;
}

/** Whether names differ in their numbers only, as `lstm1` and `lstm2` do. */
export const areNumbered = (names: Iterable<string>): boolean =>
  new Set([...names].map((name) => name.replace(/\d+/g, ""))).size === 1;
