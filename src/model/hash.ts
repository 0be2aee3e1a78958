import type { Floats } from "../wasm/abi.js";
import type { Network, NetworkStack } from "./network.js";

/** Two chains of 32 bits over words (MurmurHash3's mixing, public domain). Finds mistakes, not forgeries. */
export class Hash {
  #a = 0x9747b28c;
  #b = 0x85ebca6b;

  constructor(seed = "") {
    this.text(seed);
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#add(text.charCodeAt(i));
    this.#add(text.length);
  }

  /** The bits of numbers. */
  numbers({ buffer, byteOffset, byteLength }: Floats | Uint8Array<ArrayBuffer>): void {
    const whole = byteLength >> 2;
    if (byteOffset % 4 === 0) {
      const words = new Uint32Array(buffer, byteOffset, whole);
      for (let i = 0; i < whole; i++) this.#add(words[i] as number);
    } else {
      const view = new DataView(buffer, byteOffset, byteLength);
      for (let i = 0; i < whole; i++) this.#add(view.getUint32(4 * i, true));
    }
    const rest = new Uint8Array(buffer, byteOffset + 4 * whole, byteLength - 4 * whole);
    for (const byte of rest) this.#add(byte);
    this.#add(byteLength);
  }

  /** 16 hexadecimal digits. */
  digits(): string {
    return [this.#a, this.#b].map((word) => mixed(word).toString(16).padStart(8, "0")).join("");
  }

  #add(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    const a = this.#a ^ k;
    this.#a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    const b = this.#b ^ Math.imul(word ^ this.#a, 0x85ebca6b);
    this.#b = (Math.imul((b << 17) | (b >>> 15), 9) + 0x38b34ae5) | 0;
  }
}

function mixed(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 16 hexadecimal digits that differ between networks whose weights or options differ. */
export function hashNetwork(network: Network): string {
  const hash = new Hash(network.dtype.precision);
  for (const each of network.stacks) {
    hash.text(kindOf(each));
    for (const weights of each.stack.layerDirections) {
      weights.read(({ Wx, Wh, bias, Wr, peepholes }) => {
        for (const array of [Wx, Wh, bias, Wr, peepholes]) hash.numbers(array);
      });
    }
    const { addNorm } = each;
    if (addNorm === undefined) continue;
    hash.text(JSON.stringify([addNorm.adds, addNorm.epsilon]));
    hash.numbers(addNorm.parameters);
  }
  hash.text(inputOf(network));
  for (const array of network.dense.arrays()) hash.numbers(array);
  return hash.digits();
}

/** The options and sizes of a stack. The words must not change: the hash is part of stored states. */
function kindOf({ stack, options, merge }: NetworkStack): string {
  const { resetAfter = true, inputForget = false } = options;
  const { cells, layers, reverse, nx, na, nh } = stack.shape;
  const own = cells.map(({ name, activations = [], peepholes }) => [name, activations, peepholes]);
  return JSON.stringify([merge, layers, reverse, nx, na, nh, resetAfter, inputForget, own]);
}

function inputOf({ engine, dtype, inputKind, inputSize, rows, stacks }: Network): string {
  if (inputKind !== "embedding" || rows === undefined) return `${inputKind} ${inputSize}`;
  const { nx } = (stacks[0] as NetworkStack).stack.shape;
  const hash = new Hash(`embedding ${[inputSize, nx]}`);
  hash.numbers(engine.arena.view(dtype.precision, rows.pointer, inputSize * nx));
  return hash.digits();
}
