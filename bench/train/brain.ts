// brain.js trains one sequence at a time: a step is one call of its trainPattern for each of the m sequences, its own update
// included. Its cell has no cell state, its precision is f32, and its optimiser is its own, like RMSprop; the sizes are ours. A
// sequence of T − 1 ids has T targets, as brain.js adds a start and an end.
import { requireRival } from "../rivals/modules.js";
import { runTrainer } from "./worker.js";

interface Network {
  initialize(): void;
  trainPattern(ids: readonly number[], logError: boolean): number;
}

const brain: { recurrent: { LSTM: new (options: object) => Network } } = requireRival("brain.js");

await runTrainer(({ sizes: { tokens, embedding, na, layers }, inputs }) => {
  const network = new brain.recurrent.LSTM({
    inputSize: embedding,
    inputRange: tokens,
    hiddenLayers: Array(layers).fill(na),
    outputSize: tokens,
  });
  network.initialize();
  const sequences = inputs.map((ids) => Array.from(ids.subarray(1)));
  return {
    step() {
      let sum = 0;
      for (const ids of sequences) sum += network.trainPattern(ids, true);
      return sum / sequences.length;
    },
  };
});
