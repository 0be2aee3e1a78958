// Inflates a whole file into a buffer of its size (RFC 1951). fflate takes 2.0 kB of a bundle for this, with its streams,
// growing buffers and messages; this takes 0.8 kB (docs/decisions/keras.md).

/** The order in which a block lists the lengths of the codes of its code lengths. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END_OF_BLOCK = 256;
/** The symbol whose length, 258, is out of line. */
const LONGEST = 28;
const MOST_DISTANCE = 29;

const damaged = (): never => {
  throw new RangeError("the deflated bytes are damaged");
};

/**
 * The symbols by the bits that follow, each with the length of its code: 16·symbol + length, 0 where no code is. Codes go up
 * in canonical order, so their bits, which come last one first, are a counter that carries from the highest bit down.
 */
function tableOf(lengths: Uint8Array): Uint16Array {
  const most = Math.max(...lengths);
  const table = new Uint16Array(1 << most);
  let [place, used] = [0, 0];
  for (let length = 1; length <= most; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      const count = 1 << (most - length);
      used += count;
      if (used > table.length) damaged();
      for (let i = 0; i < count; i++) {
        table[place] = 16 * symbol + length;
        let bit = table.length >> 1;
        for (; place & bit; bit >>= 1) place ^= bit;
        place |= bit;
      }
    }
  }
  return table;
}

/** The codes of literals and of distances in a block that does not list its own. */
const fixedTables = (): Uint16Array[] => {
  const lengths = new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);
  return [tableOf(lengths), tableOf(new Uint8Array(30).fill(5))];
};

/**
 * The bytes that `data` inflates to, a view of `out`; all of `out` if they are more than it holds.
 *
 * @throws {RangeError} if `data` is damaged or ends early
 */
export function inflate(data: Uint8Array, out: Uint8Array): Uint8Array {
  const end = 8 * data.length;
  // The next bit of `data`, and the next byte of `out`.
  let [at, to] = [0, 0];

  const peek = (): number => {
    const i = Math.floor(at / 8);
    const low = (data[i] as number) | ((data[i + 1] as number) << 8);
    return (low | ((data[i + 2] as number) << 16)) >> (at & 7);
  };
  const skip = (count: number): void => {
    at += count;
    if (at > end) damaged();
  };
  const take = (count: number): number => {
    const value = peek() & ((1 << count) - 1);
    skip(count);
    return value;
  };
  const symbolOf = (table: Uint16Array): number => {
    const entry = table[peek() & (table.length - 1)] as number;
    skip(entry & 15 || damaged());
    return entry >> 4;
  };
  /** A length or a distance less its least: groups of 2^k symbols, each group with one extra bit more. */
  const extended = (symbol: number, k: number): number => {
    const extra = (symbol >> k) - 1;
    const size = 1 << k;
    return extra < 1 ? symbol : ((size + (symbol & (size - 1))) << extra) + take(extra);
  };

  function ownTables(): Uint16Array[] {
    const [literals, distances, listed] = [take(5) + 257, take(5) + 1, take(4) + 4];
    const lengths = new Uint8Array(19);
    for (let i = 0; i < listed; i++) lengths[ORDER[i] as number] = take(3);
    const codes = tableOf(lengths);
    const all = new Uint8Array(literals + distances);
    for (let i = 0; i < all.length; ) {
      const symbol = symbolOf(codes);
      if (symbol < 16) all[i++] = symbol;
      else {
        const from = i;
        i += symbol === 16 ? 3 + take(2) : symbol === 17 ? 3 + take(3) : 11 + take(7);
        if (symbol === 16) all.fill(all[from - 1] as number, from, i);
      }
    }
    return [tableOf(all.subarray(0, literals)), tableOf(all.subarray(literals))];
  }

  function readBlock([literals, distances]: Uint16Array[]): void {
    while (to <= out.length) {
      const symbol = symbolOf(literals as Uint16Array);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) out[to++] = symbol;
      else {
        const i = symbol - END_OF_BLOCK - 1;
        const last = to + 3 + (i === LONGEST ? 255 : extended(i, 2));
        const code = symbolOf(distances as Uint16Array);
        const from = to - 1 - extended(code, 1);
        if (from < 0 || i > LONGEST || code > MOST_DISTANCE) damaged();
        for (let k = from; to < last; k++) out[to++] = out[k] as number;
      }
    }
  }

  for (let isLast = 0; isLast === 0; ) {
    isLast = take(1);
    const kind = take(2);
    if (kind === 0) {
      skip(-at & 7);
      const length = take(8) + 256 * take(8);
      skip(16);
      const from = at / 8;
      skip(8 * length);
      if (to + length > out.length) return out;
      out.set(data.subarray(from, from + length), to);
      to += length;
    } else readBlock(kind === 1 ? fixedTables() : kind === 2 ? ownTables() : damaged());
    if (to > out.length) return out;
  }
  return out.subarray(0, to);
}
