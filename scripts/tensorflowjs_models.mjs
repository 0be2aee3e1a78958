// Why this exists: the kinds of models for make_tensorflowjs_models.mjs, each on a line.
import { createRequire } from "node:module";

export const tf = createRequire(new URL("../bench/rivals/", import.meta.url))("@tensorflow/tfjs");
/** Tokens, and features of an input. */
export const [V, nx] = [9, 4];
// Layers with units and flags; what is not said is as TensorFlow.js has it, but that every step's output is returned.
export const MODELS = {
  rnn: "features, simpleRNN 5, dense 6 softmax",
  "rnn-elu-softsign": "features, simpleRNN 5 elu, simpleRNN 4 softsign last",
  lstm: "tokens, lstm 5 :sigmoid, lstm 4 :sigmoid, dropout, timeDistributed 6 softmax",
  "lstm-hard-sigmoid-last": "tokens, lstm 5 last, dense 2 sigmoid bare",
  "lstm-relu-no-bias": "features, lstm 3 relu :softplus bare",
  "lstm-go-backwards": "features, lstm 4 last backwards, dense 6 softmax",
  gru: "tokens, gru 5, gru 3 :sigmoid bare, dense 6 softmax",
  "bidirectional-concat-mul": "features, lstm 3 :sigmoid +concat, gru 4 +mul, dense 6 softmax",
  "bidirectional-ave-last": "tokens, simpleRNN 4 +ave, lstm 3 +concat last, dense 6 softmax",
  functional: "tokens, lstm 3 +sum, lstm 4, dropout, dense 5, activation 0 logSoftmax",
  "lstm-mean": "tokens, lstm 4 :sigmoid +concat, mean, dense 5 relu, dense 3 softmax",
  "gru-max": "features, gru 5 :sigmoid, dropout, max, dense 4",
};
export function layerOf(words) {
  const [kind, units, ...flags] = words.split(" ");
  if (kind === "dropout") return tf.layers.dropout({ rate: 0.5 });
  if (kind === "mean") return tf.layers.globalAveragePooling1d({});
  if (kind === "max") return tf.layers.globalMaxPooling1d({});
  if (kind === "tokens") return tf.layers.embedding({ inputDim: V, outputDim: 3 });
  const after = (mark) => flags.find((flag) => flag.startsWith(mark))?.slice(1);
  const names = ["bare", "last", "backwards"];
  const activation = flags.find((flag) => /^\w/.test(flag) && !names.includes(flag));
  const options = { units: Number(units), useBias: !flags.includes("bare"), activation };
  if (activation === undefined) delete options.activation;
  if (kind === "timeDistributed") return tf.layers[kind]({ layer: tf.layers.dense(options) });
  if (kind === "dense" || kind === "activation") return tf.layers[kind](options);
  if (after(":") !== undefined) options.recurrentActivation = after(":");
  const [returnSequences, goBackwards] = [!flags.includes("last"), flags.includes("backwards")];
  const layer = tf.layers[kind]({ ...options, returnSequences, goBackwards, resetAfter: false });
  return after("+") === undefined
    ? layer
    : tf.layers.bidirectional({ layer, mergeMode: after("+") });
}
