import type {
  Activation,
  ModelDescription,
  RecurrentDescription,
  StoredNumbers,
} from "../index.js";

/** A part of a model: a layer, or the input. */
export interface Part {
  readonly name: string;
  readonly what: string;
  /** Of a recurrent layer. */
  readonly options?: RecurrentDescription["options"];
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly parameters: number;
}

const shapes = (weights: Readonly<Record<string, StoredNumbers | undefined>>) =>
  Object.fromEntries(
    Object.entries(weights).flatMap(([name, numbers]) => (numbers ? [[name, numbers.shape]] : [])),
  );

export function functionName(activation: Activation): string {
  if (typeof activation === "string") return activation;
  const { name, alpha, beta } = activation;
  const numbers = [alpha, beta].filter((each) => each !== undefined);
  return numbers.length === 0 ? name : `${name}(${numbers.join(", ")})`;
}

/** The options that differ from the defaults. */
function extras({ activations, ...options }: RecurrentDescription["options"]): string[] {
  const { cell: _, inputSize: __, hiddenSize: ___, layers: ____, resetAfter, ...rest } = options;
  const named = Object.entries(rest).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [value === true ? name : `${name} ${value}`],
  );
  if (resetAfter === false) named.push("reset before the product");
  return activations ? [...named, ...activations.map(functionName)] : named;
}

function recurrentWhat({ options, merge, residual }: RecurrentDescription): string {
  const { cell, inputSize, hiddenSize, layers = 1 } = options;
  const size = `${cell.toUpperCase()} ${inputSize} → ${hiddenSize}`;
  const all = [
    size,
    layers === 1 ? "" : `${layers} layers`,
    ...extras(options),
    residual ? "residual" : "",
    merge ?? "",
  ];
  return all.filter((each) => each !== "").join(", ");
}

/** The parts, from the input up. A weight that is used twice counts at its first use. */
export function partsOf({ input, recurrent, dense }: ModelDescription): Part[] {
  const counted = new Set<StoredNumbers["data"]>();
  const part = (
    name: string,
    what: string,
    weights: Readonly<Record<string, StoredNumbers | undefined>>,
  ): Part => {
    let parameters = 0;
    for (const numbers of Object.values(weights)) {
      if (numbers === undefined || counted.has(numbers.data)) continue;
      counted.add(numbers.data);
      parameters += numbers.data.length;
    }
    return { name, what, weights: shapes(weights), parameters };
  };
  const below =
    input.kind === "embedding"
      ? part(input.name, `embedding of ${input.weight.shape.join(" × ")}`, { weight: input.weight })
      : part("", `${input.kind} input of ${input.size}`, {});
  return [
    below,
    ...recurrent.flatMap((each) => {
      const { options, name, weights, layerNorm = [] } = each;
      return [
        { ...part(name, recurrentWhat(each), weights), options },
        ...layerNorm.map(({ name: own, weight, bias, epsilon }) => {
          const what = `LayerNorm of ${weight.shape[0]}${epsilon === undefined ? "" : `, epsilon ${epsilon}`}`;
          return part(own, what, { weight, bias });
        }),
      ];
    }),
    ...dense.map(({ name, weight, bias, activation }) => {
      const f =
        activation === "softmax" || activation === "logSoftmax"
          ? activation
          : functionName(activation);
      const [ny, n] = weight.shape;
      const what = `linear ${n} → ${ny}${f === "identity" ? "" : `, ${f}`}`;
      return part(name, what, { weight, bias });
    }),
  ];
}
