import type { RecurrentOptions } from "../layers/options.js";
import type { ModelDescription, RecurrentDescription, StoredNumbers } from "./description.js";

/** What must agree for one stack to go on above another: all but sizes of input and numbers of layers. */
const kindOf = ({ inputSize: _, layers: __, precision: ___, ...kind }: RecurrentOptions): string =>
  JSON.stringify(Object.entries(kind).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The same network with stacks of one kind on top of each other made one, which runs chunk by chunk through all layers. */
export function joined(description: ModelDescription): ModelDescription {
  const recurrent: RecurrentDescription[] = [];
  for (const next of description.recurrent) {
    const below = recurrent.at(-1);
    if (below === undefined || !fits(below, next)) recurrent.push(next);
    else recurrent[recurrent.length - 1] = join(below, next);
  }
  return { ...description, recurrent };
}

function fits(below: RecurrentDescription, next: RecurrentDescription): boolean {
  const plain = (merge = "concat"): boolean => merge === "concat";
  return plain(below.merge) && plain(next.merge) && kindOf(below.options) === kindOf(next.options);
}

function join(below: RecurrentDescription, next: RecurrentDescription): RecurrentDescription {
  const { layers = 1 } = below.options;
  const { layers: more = 1 } = next.options;
  const renamed = Object.entries(next.weights).map(([name, value]): [string, StoredNumbers] => [
    name.replace(/_l(\d+)/, (_, l) => `_l${Number(l) + layers}`),
    value,
  ]);
  return {
    ...below,
    name: `${below.name}, ${next.name}`,
    options: { ...below.options, layers: layers + more },
    weights: { ...below.weights, ...Object.fromEntries(renamed) },
  };
}
