// An AudioWorklet: posts the hashes, and whether the host flushes subnormal numbers to zero on this thread.
import { hashesSync } from "./hashes.js";

/** A module that is not this package's: its only function divides two f64. */
const DIVISION = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 124, 124, 1, 124, 3, 2, 1, 0],
  ...[7, 5, 1, 1, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 163, 11],
);

class Golden extends AudioWorkletProcessor {
  constructor() {
    super();
    const { d: divide } = new WebAssembly.Instance(new WebAssembly.Module(DIVISION)).exports;
    const flushes = divide(2 ** -1022, 4) === 0;
    hashesSync().then(
      (text) => this.port.postMessage({ text, flushes }),
      ({ name, message }) => this.port.postMessage({ text: `${name}: ${message}` }),
    );
  }

  process() {
    return false;
  }
}

registerProcessor("golden", Golden);
