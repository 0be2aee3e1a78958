import { Problem } from "../problem.js";
import type { ModelSettings } from "../settings.js";
import type { Backend } from "./backend.js";

/** Tokens of the sequence that a language model scores before it is taken. */
const LENGTH = 16;

/**
 * Lets a model compute something before it takes requests: a language model scores the sequence of the settings, or its
 * first tokens.
 *
 * @throws a `Problem` of code `invalid-model` if the result is not finite, or not the one of the settings
 */
export async function selfTest(
  name: string,
  backend: Backend,
  settings: ModelSettings,
): Promise<void> {
  if (backend.info.kind !== "language") return;
  const { sequence, logProb } = settings.selfTest ?? {};
  const tokens = backend.info.tokens ?? 0;
  const ids = Array.from({ length: LENGTH }, (_, i) => i % tokens);
  const [score] = await backend.score([sequence ?? ids], {});
  if (score === undefined || score instanceof Error) {
    throw new Problem("invalid-model", `${name}: self-test: ${score?.message ?? "no score"}`, {
      cause: score,
    });
  }
  if (!Number.isFinite(score.logProb)) {
    throw new Problem(
      "invalid-model",
      `${name}: self-test: the log-probability is ${score.logProb}`,
    );
  }
  if (logProb !== undefined && score.logProb !== logProb) {
    throw new Problem(
      "invalid-model",
      `${name}: self-test: expected the log-probability ${logProb}, got ${score.logProb}`,
    );
  }
}
