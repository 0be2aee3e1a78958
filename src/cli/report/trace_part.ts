import type { LanguageModel, Tensor } from "../../index.js";
import { trace } from "../../inspect.js";
import type { MapData, TraceData } from "./data.js";

/** Tokens over which activations are shown, and units of each map. */
const [MOST_TOKENS, MOST_UNITS] = [120, 96];

/** Gates that are a share, 0 … 1; the others are within ±1. */
const SHARES = ["input", "forget", "output", "reset", "update"];

/** A map of a byte for each number; numbers beyond its ends have the colour of the end. */
function mapOf(
  name: string,
  { shape, data }: Tensor,
  [low, high]: readonly [number, number],
): MapData {
  const [steps = 0, all = 0] = shape;
  const units = Math.min(all, MOST_UNITS);
  const bytes = new Uint8ClampedArray(units * steps);
  for (let t = 0; t < steps; t++) {
    for (let unit = 0; unit < units; unit++) {
      const value = data[t * all + unit] as number;
      bytes[unit * steps + t] = Math.round((255 * (value - low)) / (high - low));
    }
  }
  const shown = units < all ? `${name}, the first ${units} of ${all} units` : name;
  return { name: shown, units, low, high, bytes: Buffer.from(bytes).toString("base64") };
}

/**
 * States and gates of each layer while a model reads tokens.
 *
 * @param decode the text of a token
 */
export async function traceData(
  model: LanguageModel,
  ids: readonly number[],
  decode: (id: number) => string,
): Promise<TraceData> {
  const read = ids.slice(0, MOST_TOKENS);
  const { tokens, layers } = await trace(model, read);
  const maps = layers.flatMap(({ hidden, cellState, gates }, layer) => {
    const prefix = layers.length === 1 ? "" : `layer ${layer + 1}, `;
    const states: [string, Tensor][] = [["hidden state", hidden]];
    if (cellState !== undefined) {
      states.push([
        "tanh of the cell state",
        { ...cellState, data: cellState.data.map(Math.tanh) },
      ]);
    }
    return [
      ...states.map(([name, of]) => mapOf(prefix + name, of, [-1, 1])),
      ...Object.entries(gates).map(([name, of]) => {
        const isShare = SHARES.includes(name);
        return mapOf(prefix + (isShare ? `${name} gate` : name), of, [isShare ? 0 : -1, 1]);
      }),
    ];
  });
  return { tokens: Array.from(tokens, decode), maps };
}
