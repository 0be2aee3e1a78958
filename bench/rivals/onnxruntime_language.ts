// onnxruntime on language models. Arguments: the package, and `sorted` for batches of lines of similar length.
import { type LanguageFiles, scoringJob } from "../cases/language.js";
import { type ModelFile, readModelFile, stored } from "../cases/model_file.js";
import type { Prepared } from "../timing/protocol.js";
import { runLanguageWorker } from "../timing/worker.js";
import { addUp, type Batch, batches, type Vocabulary } from "./batches.js";
import { scoringModel, stepModel } from "./onnx_language.js";
import {
  type OrtTensor,
  onnxruntime,
  type Runtime,
  type Session,
  type Tensors,
} from "./onnxruntime_session.js";

const { Tensor, open } = onnxruntime(process.argv[2] as Runtime);
const sorted = process.argv[3] === "sorted";

function feeds({ tokens, rows, targets, T, m }: Batch): Tensors {
  return {
    tokens: new Tensor("int32", tokens, [T, m]),
    rows: new Tensor("int32", rows, [rows.length]),
    targets: new Tensor("int32", targets, [targets.length, 1]),
  };
}

async function score(
  session: Session,
  lines: readonly string[],
  vocabulary: Vocabulary,
  scores: Float64Array,
): Promise<void> {
  for (const batch of batches(lines, vocabulary, sorted)) {
    const { logProb } = await session.run(feeds(batch));
    addUp(batch, lines, (logProb as OrtTensor).data, scores);
  }
}

async function scoring(file: ModelFile, files: LanguageFiles, calls: number): Promise<Prepared> {
  const session = await open(scoringModel(file));
  const job = scoringJob(files, calls, (lines, scores) =>
    score(session, lines, files.vocabulary, scores),
  );
  return { ...job, release: () => void session.release() };
}

/** The state of a stream between two tokens, by name, and the log-probabilities of the next token. */
interface Stream {
  state: Tensors;
  logProbs?: Float32Array;
}

async function streaming(file: ModelFile, { lines, vocabulary }: LanguageFiles): Promise<Prepared> {
  const session = await open(stepModel(file));
  const tokens = lines.map((line) => [...line].map((letter) => vocabulary[letter] as number));
  const T = tokens[0]?.length ?? 0;
  const start: Tensors = {};
  for (let k = 0; file.has(`lstm.weight_hh_l${k}`); k++) {
    const na = stored(file, `lstm.weight_hh_l${k}`).shape[1] as number;
    for (const part of ["h", "c"]) {
      start[`${part}${k}`] = new Tensor("float32", new Float32Array(na), [1, 1, na]);
    }
  }
  const names = Object.keys(start);
  const classes = Object.keys(vocabulary).map((_, k) => k);
  const inputs = classes.map((k) => new Tensor("int32", Int32Array.of(k), [1, 1]));
  const streams = lines.map((): Stream => ({ state: start }));
  const scores = new Float64Array(lines.length);

  async function push(stream: Stream, token: number): Promise<number> {
    const logProb = stream.logProbs?.[token] ?? 0;
    const next = await session.run({ tokens: inputs[token] as OrtTensor, ...stream.state });
    stream.logProbs = (next.logProbs as OrtTensor).data;
    stream.state = {};
    for (const name of names) stream.state[name] = next[`${name}Next`] as OrtTensor;
    return logProb;
  }

  let t = 0;
  const call = async (): Promise<number> => {
    for (const [i, stream] of streams.entries()) {
      scores[i] = await push(stream, tokens[i]?.[t % T] as number);
    }
    t++;
    return scores[0] as number;
  };
  return { call, result: () => scores, release: () => void session.release() };
}

/** Opening starts from ONNX bytes: their conversion from a safetensors file is not timed. */
async function opening(file: ModelFile, files: LanguageFiles): Promise<Prepared> {
  const model = scoringModel(file);
  let last: Session | undefined;
  const call = async (): Promise<number> => {
    await last?.release();
    last = await open(model);
    return 1;
  };
  const result = async (): Promise<Float64Array> => {
    const scores = new Float64Array(files.lines.length);
    await score(last as Session, files.lines, files.vocabulary, scores);
    return scores;
  };
  return { call, result, release: () => void last?.release() };
}

await runLanguageWorker((job, files) => {
  const file = readModelFile(files.bytes);
  if (job.work === "stream-tokens") return streaming(file, files);
  return job.work === "open-model" ? opening(file, files) : scoring(file, files, job.calls);
});
