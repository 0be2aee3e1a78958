// TextDecoder and TextEncoder belong to the host, not to ECMAScript: an AudioWorklet and Jest's jsdom lack them. The host's
// own are used where they exist, because they are faster.

/** The part of a host that codes UTF-8. */
interface Coders {
  readonly TextDecoder?: new (
    label: string,
    options: Utf8Options,
  ) => { decode(bytes: Uint8Array): string };
  readonly TextEncoder?: new () => { encode(text: string): Uint8Array };
}

/** As the options of the host's `TextDecoder`. */
export interface Utf8Options {
  /** Throw a `TypeError` for bytes that are no UTF-8, instead of putting U+FFFD in their place. */
  readonly fatal?: boolean;
  /** Keep a byte order mark at the start of the text, instead of dropping it. */
  readonly ignoreBOM?: boolean;
}

/** Code points that are turned into a string at a time: an argument list has a limit. */
const CHUNK = 4096;
const REPLACEMENT = 0xfffd;
const BYTE_ORDER_MARK = 0xfeff;

/** The text that `bytes` stands for. @throws {TypeError} with `fatal`, for bytes that are no UTF-8 */
export function decodeUtf8(bytes: Uint8Array, options: Utf8Options = {}): string {
  const { TextDecoder } = globalThis as Coders;
  return TextDecoder === undefined
    ? decodeByHand(bytes, options)
    : new TextDecoder("utf-8", options).decode(bytes);
}

/** The bytes of `text`; half a surrogate pair becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const { TextEncoder } = globalThis as Coders;
  return TextEncoder === undefined ? encodeByHand(text) : new TextEncoder().encode(text);
}

/** Bytes that follow a lead byte; 0 for ASCII, undefined for a byte that leads nothing. */
function following(lead: number): number | undefined {
  if (lead < 0x80) return 0;
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) return 2;
  return lead >= 0xf0 && lead <= 0xf4 ? 3 : undefined;
}

/** The least second byte after a lead byte: a smaller one would encode a code point in too many bytes. */
const LEAST: Readonly<Record<number, number>> = { 224: 0xa0, 240: 0x90 };
/** The greatest second byte: a greater one would encode half a surrogate pair, or leave Unicode. */
const GREATEST: Readonly<Record<number, number>> = { 237: 0x9f, 244: 0x8f };

/** The decoder of the WHATWG Encoding Standard, § 8.1.1: each longest prefix of a sequence that breaks off is one U+FFFD. */
export function decodeByHand(bytes: Uint8Array, { fatal, ignoreBOM }: Utf8Options): string {
  let text = "";
  let points: number[] = [];
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i++] as number;
    const wanted = following(lead);
    let point = wanted ? lead & (0x3f >> wanted) : lead;
    let taken = 0;
    for (; wanted !== undefined && taken < wanted; taken++) {
      const next = bytes[i] ?? 0;
      const least = (taken === 0 && LEAST[lead]) || 0x80;
      const greatest = (taken === 0 && GREATEST[lead]) || 0xbf;
      if (next < least || next > greatest) break;
      point = (point << 6) | (next & 0x3f);
      i++;
    }
    if (taken !== wanted) {
      if (fatal) throw new TypeError("the bytes are no UTF-8");
      point = REPLACEMENT;
    }
    points.push(point);
    if (points.length === CHUNK) {
      text += String.fromCodePoint(...points);
      points = [];
    }
  }
  text += String.fromCodePoint(...points);
  return !ignoreBOM && text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

export function encodeByHand(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const given = character.codePointAt(0) as number;
    const point = given >= 0xd800 && given <= 0xdfff ? REPLACEMENT : given;
    const rest = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    // The lead byte says how many bytes follow: 0xxxxxxx, 110xxxxx, 1110xxxx or 11110xxx.
    bytes.push(rest === 0 ? point : ((0xf00 >> (rest + 1)) & 0xff) | (point >> (6 * rest)));
    for (let shift = 6 * (rest - 1); shift >= 0; shift -= 6)
      bytes.push(0x80 | ((point >> shift) & 0x3f));
  }
  return Uint8Array.from(bytes);
}
