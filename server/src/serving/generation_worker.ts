// The script of a generation worker: one model, and texts that are continued side by side. The server starts it by the entry
// `recurra-server/generation-worker`.
import { parentPort, workerData } from "node:worker_threads";
import { createEngine, type LanguageModel, loadLanguageModel } from "recurra";
import { type GeneratedToken, generate } from "recurra/generate";
import type {
  FromGeneration,
  GenerationModel,
  GenerationOptions,
  ToGeneration,
} from "./generation_protocol.js";

/** Milliseconds for which tokens are gathered before they are sent. */
const GATHER = 10;

const running = new Map<number, AbortController>();
const say = (message: FromGeneration): void => parentPort?.postMessage(message);

async function load(): Promise<LanguageModel> {
  const { description, precision, unknown } = workerData as GenerationModel;
  return loadLanguageModel(await createEngine(), description, { precision, unknown });
}

async function run(model: LanguageModel, id: number, options: GenerationOptions): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const tokens = generate(model, { ...options, signal: controller.signal });
    let gathered: GeneratedToken[] = [];
    let since = performance.now();
    for (;;) {
      const { done, value } = await tokens.next();
      if (done === true) {
        say({ kind: "tokens", id, tokens: gathered });
        say({ kind: "end", id, generated: value });
        return;
      }
      gathered.push(value);
      if (performance.now() - since < GATHER) continue;
      say({ kind: "tokens", id, tokens: gathered });
      gathered = [];
      since = performance.now();
    }
  } catch (error) {
    const { name, message } = error as Error;
    say({ kind: "failed", id, name, message });
  } finally {
    running.delete(id);
  }
}

const loading = load();
parentPort?.on("message", async (message: ToGeneration) => {
  const { id } = message;
  if (message.kind === "cancel") {
    running.get(id)?.abort();
    return;
  }
  try {
    await run(await loading, id, message.options);
  } catch (error) {
    const { name, message: said } = error as Error;
    say({ kind: "failed", id, name, message: said });
  }
});
