import type { ModelFormatCode } from "../../description/format_error.js";
import { formatShape } from "../../tensor.js";
import { HeaderText } from "./header_text.js";

/** The types of numbers, and the bytes of one in the file. */
export const WIDTHS = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;

/** The type of a tensor's numbers in a file. */
export type StoredDtype = keyof typeof WIDTHS;

/** Limits of every file. */
export const LIMITS = {
  header: 100_000_000,
  tensors: 10_000,
  metadata: 10_000,
  name: 512,
  rank: 8,
};

/** The key of the metadata, which no tensor may have. */
export const METADATA = "__metadata__";

/** A tensor's entry in the header. */
export interface Entry {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly size: number;
  /** From the end of the header, in bytes. */
  readonly begin: number;
  readonly end: number;
  /** Where the entry begins in the header's text. */
  readonly at: number;
}

export interface Header {
  /** In the order of their bytes. */
  readonly entries: readonly Entry[];
  readonly metadata: Map<string, string>;
}

export const isDtype = (name: string): name is StoredDtype => Object.hasOwn(WIDTHS, name);

/** Reads a header's text, which begins at byte `start` of the file, and checks every rule that needs no data. */
export function parseHeader(text: string, start: number, dataBytes: number): Header {
  const header = new HeaderText(text, start);
  const entries = new Map<string, Entry>();
  let metadata: Map<string, string> | undefined;
  header.object((key, at) => {
    if (key === METADATA) {
      if (metadata !== undefined)
        header.fail("duplicate-key", `expected one ${METADATA}, got another`, at);
      metadata = parseMetadata(header);
      return;
    }
    if (key.length > LIMITS.name) {
      const found = `${key.length}: ${key.slice(0, 32)}…`;
      header.fail(
        "name-too-long",
        `a name: expected ≤ ${LIMITS.name} characters, got ${found}`,
        at,
      );
    }
    header.tensor = key;
    if (entries.has(key))
      header.fail("duplicate-key", "expected one tensor of this name, got another", at);
    if (entries.size === LIMITS.tensors) {
      header.fail("too-many-tensors", `expected ≤ ${LIMITS.tensors} tensors, got more`, at);
    }
    entries.set(key, parseEntry(header, key, at));
    header.tensor = undefined;
  });
  header.end();
  // Tensors without elements may share a place; they stay in the header's order.
  const sorted = [...entries.values()].sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(header, sorted, dataBytes);
  return { entries: sorted, metadata: metadata ?? new Map() };
}

function parseMetadata(header: HeaderText): Map<string, string> {
  const metadata = new Map<string, string>();
  header.kind("{", "metadata", `${METADATA}: an object of strings`);
  header.object((key, at) => {
    if (metadata.has(key)) {
      header.fail(
        "duplicate-key",
        `${METADATA}: expected one key ${key.slice(0, 64)}, got another`,
        at,
      );
    }
    if (metadata.size === LIMITS.metadata) {
      const what = `${METADATA}: expected ≤ ${LIMITS.metadata} keys, got more`;
      header.fail("too-many-metadata", what, at);
    }
    header.kind('"', "metadata", `${METADATA}: a string`);
    metadata.set(key, header.string());
  });
  return metadata;
}

function parseEntry(header: HeaderText, name: string, at: number): Entry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  header.kind("{", "header-entry", "{ dtype, shape, data_offsets }");
  header.object((key, keyAt) => {
    const twice = () => header.fail("duplicate-key", `expected one ${key}, got another`, keyAt);
    if (key === "dtype") {
      if (dtype !== undefined) twice();
      header.kind('"', "header-entry", "dtype: a string");
      dtype = header.string();
    } else if (key === "shape") {
      if (shape !== undefined) twice();
      shape = parseIntegers(header, key, LIMITS.rank, "rank-too-high");
    } else if (key === "data_offsets") {
      if (offsets !== undefined) twice();
      offsets = parseIntegers(header, key, 2, "header-entry");
    } else {
      const what = `expected dtype, shape or data_offsets, got ${key.slice(0, 64)}`;
      header.fail("header-entry", what, keyAt);
    }
  });
  const [begin, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || begin === undefined || end === undefined) {
    return header.fail("header-entry", "expected a dtype, a shape and two data_offsets", at);
  }
  if (!isDtype(dtype)) {
    const expected = Object.keys(WIDTHS).join(", ");
    return header.fail(
      "dtype",
      `dtype: expected one of ${expected}, got ${dtype.slice(0, 32)}`,
      at,
    );
  }
  const size = shape.reduce((product, extent) => checked(header, shape, product * extent, at), 1);
  const bytes = checked(header, shape, size * WIDTHS[dtype], at);
  if (begin > end) {
    header.fail("offsets", `data_offsets: expected BEGIN ≤ END, got ${begin} and ${end}`, at);
  }
  if (end - begin !== bytes) {
    const expected = `${bytes} bytes of ${dtype} for shape ${formatShape(shape)}`;
    header.fail("size", `data_offsets: expected ${expected}, got ${end - begin}`, at);
  }
  return { name, dtype, shape, size, begin, end, at };
}

function checked(
  header: HeaderText,
  shape: readonly number[] = [],
  product: number,
  at: number,
): number {
  if (Number.isSafeInteger(product)) return product;
  const what = `shape: expected fewer than 2^53 bytes, got ${formatShape(shape)}`;
  return header.fail("shape-overflow", what, at);
}

function parseIntegers(
  header: HeaderText,
  what: string,
  most: number,
  code: ModelFormatCode,
): number[] {
  const integers: number[] = [];
  header.kind("[", "header-entry", `${what}: an array of integers`);
  header.array(() => {
    if (integers.length === most)
      header.fail(code, `${what}: expected ≤ ${most} numbers, got more`);
    integers.push(header.integer(what));
  });
  return integers;
}

/** Throws unless the tensors tile the data: no hole, no overlap, nothing after the last. */
function checkCover(header: HeaderText, sorted: readonly Entry[], dataBytes: number): void {
  let place = 0;
  for (const { name, begin, end, at } of sorted) {
    header.tensor = name;
    if (begin !== place) {
      const what = `expected to begin at byte ${place} of the data, where the tensor before ends, got ${begin}`;
      header.fail(begin > place ? "hole" : "overlap", `data_offsets: ${what}`, at);
    }
    if (end > dataBytes) {
      const what = `expected to end within the file's ${dataBytes} bytes of data, got ${end}`;
      header.fail("data-outside-file", `data_offsets: ${what}`, at);
    }
    place = end;
  }
  header.tensor = undefined;
  if (place !== dataBytes) {
    const what = `expected the data to end at byte ${place}, with the last tensor, got ${dataBytes}`;
    header.fail("trailing-bytes", what, 0);
  }
}
