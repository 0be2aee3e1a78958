// Why this exists: a build step reads compiled modules: where their tables lie, and how the relaxed build of a set differs
// from the exact one.

/** Reads a module's bytes from `at` on. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** An unsigned LEB128 number below 2^32. */
  size() {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = this.byte();
      value += (byte % 128) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  }

  /** As many spans as the next number says, each as long as the number before it. */
  spans() {
    return Array.from({ length: this.size() }, () => {
      const length = this.size();
      this.at += length;
      return { start: this.at - length, end: this.at };
    });
  }
}

/** A reader at the start of the section `id`, or undefined. */
function section(bytes, id) {
  const reader = new Reader(bytes, 8);
  while (reader.at < bytes.length) {
    const found = reader.byte();
    const length = reader.size();
    if (found === id) return reader;
    reader.at += length;
  }
  return undefined;
}

const [CODE, DATA] = [10, 11];
const [I32_CONST, END] = [0x41, 0x0b];

/** The tables of a module, and where they lie in linear memory. */
export function tablesOf(bytes) {
  const reader = section(bytes, DATA);
  return Array.from({ length: reader?.size() ?? 0 }, () => {
    const isActive = reader.byte() === 0 && reader.byte() === I32_CONST;
    const start = reader.size();
    if (!isActive || reader.byte() !== END) throw new Error("a table is not where a constant says");
    const length = reader.size();
    reader.at += length;
    return { start, bytes: bytes.subarray(reader.at - length, reader.at) };
  });
}

/** 0xfd and two bytes each: the products and sums of two f64 and of four f32, and the fused instruction of each sum. */
const PRODUCTS = new Set(["f201", "e601"]);
const FUSED = { f001: "8702", e401: "8502" };
const FUSIONS = new Set(Object.values(FUSED));

/** The two bytes that follow 0xfd at `at`, or false. */
const instruction = (code, at) => code[at] === 0xfd && code.toString("hex", at + 1, at + 3);

/**
 * The instructions at which the relaxed build of a function differs from the exact one: a product that goes, and the sum
 * that becomes a fused instruction. Undefined if the functions differ in another way.
 */
function fusionsOfFunction(exact, fused) {
  const places = [];
  let [i, k] = [0, 0];
  while (i < exact.length) {
    const [one, other] = [instruction(exact, i), instruction(fused, k)];
    if (one !== other && PRODUCTS.has(one)) {
      places.push(i);
      i += 3;
    } else if (one && other && FUSED[one] === other) {
      places.push(i);
      i += 3;
      k += 3;
    } else if (exact[i++] !== fused[k++]) return undefined;
  }
  return k === fused.length ? places : undefined;
}

/** Fused instructions in a function from which on it is a loop of products, which must not stay as it is. */
const LOOP = 4;

/**
 * The places where a set of kernels is made the relaxed build of it (src/wasm/bytes.ts), each as the distance to the one
 * before: one byte, or 0 and two bytes, low first. A function without a loop of products that the compiler ordered in
 * another way stays as it is: it is exact then, which the relaxed build may be anywhere.
 */
export function fusionsOf(name, exact, fused) {
  const [own, others] = [exact, fused].map((bytes) => section(bytes, CODE).spans());
  const distances = [];
  let last = 0;
  own.forEach(({ start, end }, f) => {
    const other = fused.subarray(others[f].start, others[f].end);
    const places = fusionsOfFunction(exact.subarray(start, end), other);
    const count = other.filter((_, k) => FUSIONS.has(instruction(other, k))).length;
    if (places === undefined && count >= LOOP) {
      throw new Error(
        `${name}: function ${f}: the relaxed build is not the exact one with fused products`,
      );
    }
    for (const place of places ?? []) {
      const distance = start + place - last;
      distances.push(...(distance < 256 ? [distance] : [0, distance % 256, distance >> 8]));
      last = start + place;
    }
  });
  return distances;
}
