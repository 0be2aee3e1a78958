// An AudioWorklet: posts the hashes, and the score of a text.
import { hashesSync } from "./hashes.js";

class Golden extends AudioWorkletProcessor {
  constructor() {
    super();
    hashesSync().then(
      (text) => this.port.postMessage(text),
      ({ name, message }) => this.port.postMessage(`${name}: ${message}`),
    );
  }

  process() {
    return false;
  }
}

registerProcessor("golden", Golden);
