import type { RecurrentOptions } from "../layers/options.js";
import {
  hasAddNorm,
  type ModelDescription,
  type RecurrentDescription,
  type StoredNumbers,
} from "./description.js";

/** The options that must agree for one stack to continue another: all but input sizes and numbers of layers. */
const kindOf = ({ inputSize: _, layers: __, precision: ___, ...kind }: RecurrentOptions): string =>
  JSON.stringify(Object.entries(kind).sort(([a], [b]) => (a < b ? -1 : 1)));

/**
 * The same network with adjacent stacks of one kind fused into one, which runs chunk by chunk through all its layers.
 *
 * @param mayFuse whether two stacks may become one; default: all may
 */
export function fuseLayers(
  description: ModelDescription,
  mayFuse: (below: RecurrentDescription, above: RecurrentDescription) => boolean = () => true,
): ModelDescription {
  const runs: { kind: string | undefined; stacks: RecurrentDescription[] }[] = [];
  for (const stack of description.recurrent) {
    const { merge = "concat", options } = stack;
    // An output that is merged, normalised or added to is no input of a layer of the same stack.
    const kind = merge === "concat" && !hasAddNorm(stack) ? kindOf(options) : undefined;
    const below = runs.at(-1);
    const last = below?.stacks.at(-1);
    const fits = kind !== undefined && below?.kind === kind && last && mayFuse(last, stack);
    if (fits) below.stacks.push(stack);
    else runs.push({ kind, stacks: [stack] });
  }
  return { ...description, recurrent: runs.map(({ stacks }) => fuse(stacks)) };
}

function fuse(stacks: readonly RecurrentDescription[]): RecurrentDescription {
  const [lowest, ...others] = stacks as readonly [RecurrentDescription, ...RecurrentDescription[]];
  if (others.length === 0) return lowest;
  const weights: Record<string, StoredNumbers> = {};
  let layers = 0;
  for (const { options, weights: own } of stacks) {
    for (const [name, value] of Object.entries(own)) {
      weights[name.replace(/_l(\d+)/, (_, l) => `_l${Number(l) + layers}`)] = value;
    }
    layers += options.layers ?? 1;
  }
  const name = [...new Set(stacks.map((stack) => stack.name))].join(", ");
  return { ...lowest, name, options: { ...lowest.options, layers }, weights };
}
