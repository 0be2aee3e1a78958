import { createRecurrent, type Engine, type Tensor, tensor } from "recurra";
import { readSafetensors } from "recurra/safetensors";

/** What a model thinks of a text. */
export interface Score {
  /** In nats, of the whole text. */
  readonly logProb: number;
  readonly tokenLogProbs: Float64Array;
  readonly tokens: number;
  readonly perplexity: number;
  readonly bitsPerToken: number;
}

export interface LanguageModel {
  scoreSync(texts: readonly string[]): Score[];
}

/** Texts scored at a time. */
const BATCH = 64;

/** Stands in for the package's own until that is there. */
export async function loadLanguageModel(engine: Engine, file: Uint8Array): Promise<LanguageModel> {
  const { tensors, metadata } = readSafetensors(file);
  const f64 = (name: string): Tensor => {
    const stored = tensors.get(name);
    if (stored === undefined) throw new TypeError(`no tensor ${name}`);
    return tensor(stored.shape, stored.data);
  };
  const vocabulary = JSON.parse(metadata.get("vocabulary") as string) as Record<string, number>;
  const [E, Wy, by] = [f64("embedding.weight"), f64("decoder.weight"), f64("decoder.bias")];
  const [ny = 0, na = 0] = Wy.shape;
  const nx = E.shape[1] as number;
  const lstm = createRecurrent(engine, { cell: "lstm", inputSize: nx, hiddenSize: na });
  const names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];
  lstm.load(Object.fromEntries(names.map((name) => [name, f64(`lstm.${name}`)])));
  const idOf = (token: string): number => vocabulary[token] ?? (vocabulary["\ufffd"] as number);

  const score = (ids: readonly number[], h: Float64Array): Score => {
    const tokenLogProbs = Float64Array.from(ids.slice(1), (id, t) => {
      const logits = Float64Array.from({ length: ny }, (_, y) => {
        let sum = by.data[y] as number;
        for (let j = 0; j < na; j++)
          sum += (Wy.data[y * na + j] as number) * (h[t * na + j] as number);
        return sum;
      });
      const most = logits.reduce((a, b) => Math.max(a, b));
      const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
      return (logits[id] as number) - most - Math.log(sum);
    });
    const logProb = tokenLogProbs.reduce((a, b) => a + b, 0);
    const tokens = tokenLogProbs.length;
    const perplexity = Math.exp(-logProb / tokens);
    return { logProb, tokenLogProbs, tokens, perplexity, bitsPerToken: Math.log2(perplexity) };
  };
  return {
    scoreSync: (texts) =>
      Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, i) =>
        texts.slice(i * BATCH, (i + 1) * BATCH),
      ).flatMap((group) => {
        const ids = group.map((text) => ["\n", ...text].map(idOf));
        const xs = ids.map((row) => {
          const x = tensor([row.length - 1, nx]);
          row.slice(0, -1).forEach((id, t) => {
            x.data.set(E.data.subarray(id * nx, (id + 1) * nx), t * nx);
          });
          return x;
        });
        const { outputs, state } = lstm.forward(xs);
        state.dispose();
        return outputs.map((h, b) => score(ids[b] as number[], h.data));
      }),
  };
}
