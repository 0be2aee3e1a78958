const MOST_BITS = 15;
/** Codes of up to so many bits are looked up at once. */
const SHORT_BITS = 9;
const SHORT_MASK = 0x1ff;
/** The order in which a block gives the lengths of the codes for code lengths. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Canonical Huffman codes, as deflate has them. */
interface Codes {
  /** By the next bits of the data: a symbol times 16 plus the length of its code; 0 for codes that are longer. */
  readonly short: Uint16Array;
  /** How many codes there are of each length. */
  readonly counts: readonly number[];
  /** The symbols in the order of their codes. */
  readonly symbols: readonly number[];
}

/** Undefined if the lengths ask for more codes than there are. */
function codesOf(lengths: readonly number[]): Codes | undefined {
  const symbolsOf: number[][] = Array.from({ length: MOST_BITS + 1 }, () => []);
  lengths.forEach((bits, symbol) => {
    symbolsOf[bits]?.push(symbol);
  });
  symbolsOf[0] = [];
  const short = new Uint16Array(SHORT_MASK + 1);
  let code = 0;
  for (let bits = 1; bits <= MOST_BITS; bits++, code *= 2) {
    for (const symbol of symbolsOf[bits] as number[]) {
      if (code >= 1 << bits) return undefined;
      let reversed = 0;
      for (let i = 0; i < bits; i++) reversed |= ((code >> i) & 1) << (bits - 1 - i);
      const isShort = bits <= SHORT_BITS;
      for (let i = reversed; isShort && i < short.length; i += 1 << bits) {
        short[i] = symbol * 16 + bits;
      }
      code++;
    }
  }
  return { short, counts: symbolsOf.map(({ length }) => length), symbols: symbolsOf.flat() };
}

/** The lengths of the codes of all blocks that define none. */
const fixedLengths = (): number[] =>
  Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));

/**
 * Inflates deflated bytes (RFC 1951) into `out`, and nothing beyond its end.
 *
 * @returns how many bytes it wrote; undefined if `data` are not one deflated stream or `out` is too short for them
 */
export function inflate(data: Uint8Array, out: Uint8Array): number | undefined {
  let [at, hold, held, to] = [0, 0, 0, 0];
  /** Lets `hold` have n bits or more. Beyond the end of the data they are zeros, which `isRead` tells at the end. */
  const fill = (n: number): void => {
    for (; held < n; held += 8) hold |= (data[at++] ?? 0) << held;
  };
  const take = (n: number): number => {
    fill(n);
    const bits = hold & ((1 << n) - 1);
    hold >>>= n;
    held -= n;
    return bits;
  };
  /** The symbol of the code that comes next; −1 if no code begins so. */
  const symbolOf = ({ short, counts, symbols }: Codes): number => {
    fill(MOST_BITS);
    const entry = short[hold & SHORT_MASK] as number;
    if (entry !== 0) {
      take(entry & 15);
      return entry >> 4;
    }
    // The first code of a length follows the last of the length before, with a bit more.
    for (let bits = 1, code = 0, first = 0, index = 0; bits <= MOST_BITS; bits++) {
      const count = counts[bits] as number;
      code = 2 * code + ((hold >> (bits - 1)) & 1);
      first *= 2;
      if (code < first + count) {
        take(bits);
        return symbols[index + code - first] as number;
      }
      first += count;
      index += count;
    }
    return -1;
  };
  /** Whether the data end with the bits that were taken. */
  const isRead = (): boolean => at - (held >> 3) === data.length;

  const readLengths = (): number[] | undefined => {
    const [literals, distances, count] = [take(5) + 257, take(5) + 1, take(4) + 4];
    const own = Array<number>(19).fill(0);
    for (let i = 0; i < count; i++) own[ORDER[i] as number] = take(3);
    const codes = codesOf(own);
    const lengths: number[] = [literals];
    while (codes !== undefined && lengths.length <= literals + distances) {
      const symbol = symbolOf(codes);
      if (symbol < 0) return undefined;
      if (symbol < 16) lengths.push(symbol);
      else {
        const previous = symbol === 16 ? (lengths.at(-1) as number) : 0;
        const repeat = symbol === 16 ? 3 + take(2) : symbol === 17 ? 3 + take(3) : 11 + take(7);
        for (let i = 0; i < repeat; i++) lengths.push(previous);
      }
    }
    return lengths.length === literals + distances + 1 ? lengths : undefined;
  };

  for (let isLast = 0; isLast === 0; ) {
    if (at > data.length + 4) return undefined;
    isLast = take(1);
    const kind = take(2);
    if (kind === 0) {
      take(held & 7);
      const [length, complement] = [take(16), take(16)];
      // Whole bytes that are held already.
      at -= held >> 3;
      [hold, held] = [0, 0];
      const end = at + length;
      if ((length ^ complement) !== 0xffff || end > data.length || to + length > out.length) {
        return undefined;
      }
      out.set(data.subarray(at, end), to);
      [at, to] = [end, to + length];
      continue;
    }
    const own = kind === 2 ? readLengths() : undefined;
    if (kind === 3 || (kind === 2 && own === undefined)) return undefined;
    const literals = codesOf(own?.slice(1, 1 + (own[0] as number)) ?? fixedLengths());
    const distances = codesOf(own?.slice(1 + (own[0] as number)) ?? Array(30).fill(5));
    if (literals === undefined || distances === undefined) return undefined;
    for (;;) {
      const symbol = symbolOf(literals);
      if (symbol < 0 || symbol > 285 || at > data.length + 4) return undefined;
      if (symbol === 256) break;
      if (symbol < 256) {
        if (to === out.length) return undefined;
        out[to++] = symbol;
        continue;
      }
      // Lengths 3 to 10 have a symbol each, then four symbols share one more bit than the four before; 285 is 258.
      const step = symbol - 257;
      const bits = step < 8 || step === 28 ? 0 : (step >> 2) - 1;
      const length =
        step === 28 ? 258 : step < 8 ? 3 + step : 3 + ((4 + (step & 3)) << bits) + take(bits);
      const place = symbolOf(distances);
      if (place < 0 || place > 29) return undefined;
      const more = place < 4 ? 0 : (place >> 1) - 1;
      const distance = place < 4 ? 1 + place : 1 + ((2 + (place & 1)) << more) + take(more);
      if (distance > to || to + length > out.length) return undefined;
      for (const end = to + length; to < end; to++) out[to] = out[to - distance] as number;
    }
  }
  return isRead() ? to : undefined;
}
