// The README's example after its first two lines: workerd reads no files, so Wrangler gives it the model.
import file from "recurra/models/english-characters.safetensors";
import { createEngine, loadLanguageModel } from "recurra";

export default {
  async fetch() {
    const lines = [];
    const console = { log: (value) => lines.push(String(value)) };
    // EXAMPLE
    return new Response(`${lines.join("\n")}\n`);
  },
};
