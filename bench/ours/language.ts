// Recurra on language models, from the bytes of the file to log-probabilities. Argument: the precision.
import { createEngine, loadLanguageModel } from "recurra";
import { type LanguageFiles, scoringJob } from "../cases/language.js";
import type { Prepared } from "../timing/protocol.js";
import { runLanguageWorker } from "../timing/worker.js";

const precision = process.argv[2] === "f32" ? "f32" : "f64";
const engine = await createEngine();

const open = ({ bytes, vocabulary }: LanguageFiles) =>
  loadLanguageModel(engine, bytes, { vocabulary, precision });

async function scoring(files: LanguageFiles, calls: number): Promise<Prepared> {
  const model = await open(files);
  const job = scoringJob(files, calls, (lines, scores) => {
    model.scoreSync(lines).forEach(({ logProb }, i) => {
      scores[i] = logProb;
    });
  });
  return { ...job, release: () => model.dispose() };
}

async function streaming(files: LanguageFiles): Promise<Prepared> {
  const model = await open(files);
  const tokens = files.lines.map((line) => [...line].map((c) => files.vocabulary[c] as number));
  const T = tokens[0]?.length ?? 0;
  const streams = tokens.map(() => model.stream());
  const scores = new Float64Array(streams.length);
  let t = 0;
  return {
    call: () => {
      streams.forEach((stream, i) => {
        scores[i] = stream.push(tokens[i]?.[t % T] as number);
      });
      t++;
      return scores[0] as number;
    },
    result: () => scores,
    release: () => {
      for (const stream of streams) stream.dispose();
      model.dispose();
    },
  };
}

async function opening(files: LanguageFiles): Promise<Prepared> {
  let model = await open(files);
  const call = async (): Promise<number> => {
    model.dispose();
    model = await open(files);
    return 1;
  };
  const result = (): number[] => model.scoreSync(files.lines).map(({ logProb }) => logProb);
  return { call, result, release: () => model.dispose() };
}

await runLanguageWorker((job, files) => {
  if (job.work === "stream-tokens") return streaming(files);
  return job.work === "open-model" ? opening(files) : scoring(files, job.calls);
});
