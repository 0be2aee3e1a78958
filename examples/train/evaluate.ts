import { type Engine, loadLanguageModel } from "recurra";

/**
 * Bits per character of a text under a model file. Every line is scored on its own, its line end included.
 *
 * @param text lines, each with its line end
 */
export async function bitsPerCharacter(
  engine: Engine,
  file: Uint8Array,
  text: string,
): Promise<number> {
  using model = await loadLanguageModel(engine, file);
  const lines = text.match(/[^\n]*\n/g) ?? [];
  const scores = model.scoreSync(lines);
  const tokens = scores.reduce((sum, score) => sum + score.tokens, 0);
  return -scores.reduce((sum, score) => sum + score.logProb, 0) / tokens / Math.LN2;
}
