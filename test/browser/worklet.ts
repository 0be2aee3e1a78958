import * as recurra from "recurra";
import { golden } from "../support/golden.js";

// What runs in an AudioWorklet, whose globals TypeScript does not declare: it posts the golden hashes.
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;

class Golden extends AudioWorkletProcessor {
  constructor() {
    super();
    golden(recurra, recurra.createEngineSync()).then(
      (text) => this.port.postMessage(text),
      (error: unknown) => this.port.postMessage(String(error)),
    );
  }
}

registerProcessor("golden", Golden);
