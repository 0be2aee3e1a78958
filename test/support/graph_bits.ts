import type { Engine } from "recurra";
import type * as Onnx from "recurra/onnx";

// Runs in Node and in a page alike, and so knows nothing but the package's public functions.

/** The probabilities of Silero VAD v5 for 64 drawn chunks, alone and five at once, as text: the bits of f32 and f64. */
export function graphBits({ openGraph }: typeof Onnx, engine: Engine, model: Uint8Array): string {
  const lines: string[] = [];
  for (const precision of ["f32", "f64"] as const) {
    const inputs = { sr: 16000, input: [1, 576], state: [2, 1, 128] };
    const graph = openGraph(engine, model, { precision, inputs });
    const streams = Array.from({ length: 5 }, () => graph.stream({ state: "stateN" }));
    const alone = graph.stream({ state: "stateN" });
    let seed = 7;
    for (let i = 0; i < 64; i++) {
      const data = new Float32Array(576).map(() => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return (seed / 2 ** 31 - 1) * Math.fround((i % 8) / 8);
      });
      const outputs = graph.pushAll(
        streams,
        streams.map((_, s) => ({ input: data.map((x) => x / (s + 1)) })),
      );
      const all = [alone.push({ input: data }), ...outputs];
      // The shortest decimal that reads back as the same number.
      lines.push(all.map(({ output }) => String(output?.data[0])).join(" "));
    }
    for (const stream of [...streams, alone]) stream.dispose();
    graph.dispose();
  }
  return lines.join("\n");
}
