import { createEngine, type Engine, loadLanguageModel } from "recurra";
import { generate } from "recurra/generate";
import {
  createTrainable,
  createTrainer,
  createVocabulary,
  type Trainable,
  type TrainingSource,
  textStreams,
  vocabularyMetadata,
} from "recurra/train";
import type { PageMessage, WorkerMessage } from "./messages.js";

/** Steps from one validation to the next, and the share of the text that is kept for it. */
const [VALIDATE_EVERY, KEPT] = [25, 1 / 20];
/** Parts of the text that are read side by side, and the characters of each in a step. */
const SHAPE = { streams: 16, steps: 64 };

const post = (message: WorkerMessage): void => self.postMessage(message);

type Start = Extract<PageMessage, { kind: "start" }>;
let stopping = new AbortController();

/** A source whose epochs are as long as the way from one validation to the next. */
const inRounds = (source: TrainingSource): TrainingSource => ({
  length: VALIDATE_EVERY,
  batch: (index, round) => source.batch((round * VALIDATE_EVERY + index) % source.length, 0),
});

/** A text that the model makes, likelier characters first. */
async function sampleOf(engine: Engine, model: Uint8Array): Promise<string> {
  using loaded = await loadLanguageModel(engine, model);
  let text = "";
  const options = { maxTokens: 280, temperature: 0.7, seed: 1 };
  for await (const made of generate(loaded, options)) text += made.text;
  return text;
}

async function train({ text, settings, checkpoint }: Start): Promise<void> {
  const cut = Math.floor(text.length * (1 - KEPT));
  const vocabulary = createVocabulary(text.slice(0, cut));
  const ids = vocabulary.encode(text.slice(0, cut));
  const held = vocabulary.encode(text.slice(cut)).slice(0, 4096);
  const size = vocabulary.tokens.length;
  post({ kind: "begin", tokens: size, characters: ids.length });
  using engine = await createEngine();
  const { steps, hiddenSize, rate, seed } = settings;
  const net: Trainable = createTrainable(engine, {
    input: { tokens: size, embedding: 32 },
    recurrent: { cell: "lstm", hiddenSize },
    output: { size },
    forgetBias: 1,
    seed,
  });
  const trainer = createTrainer(net, {
    loss: "crossEntropy",
    optimizer: { name: "adam", lr: rate },
    schedule: { name: "cosine", tMax: steps, warmup: 20 },
    clipNorm: 1,
    seed,
  });
  if (checkpoint !== undefined) trainer.restore(checkpoint);
  const reports = trainer.fit(inRounds(textStreams(ids, SHAPE)), {
    steps,
    validate: { inputs: [held.subarray(0, -1)], targets: [held.subarray(1)] },
    signal: stopping.signal,
  });
  let step = 0;
  for await (const report of reports) {
    step = report.step;
    post({ kind: "step", step, loss: report.loss, tokens: report.tokens });
    const { validation } = report;
    if (validation !== undefined) post({ kind: "validation", step, loss: validation });
  }
  const start = vocabulary.ids.has("\n") ? { start: "\n" } : { start: " " };
  const model = net.save({ metadata: vocabularyMetadata(vocabulary, start) });
  post({
    kind: "end",
    isDone: step >= steps,
    step,
    checkpoint: trainer.checkpoint(),
    model,
    sample: await sampleOf(engine, model),
  });
}

self.onmessage = ({ data }: MessageEvent<PageMessage>) => {
  if (data.kind === "stop") {
    stopping.abort();
    return;
  }
  stopping = new AbortController();
  train(data).catch((error: unknown) => {
    post({ kind: "error", message: error instanceof Error ? error.message : String(error) });
  });
};
