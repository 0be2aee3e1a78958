import { BINARY, REDUCE, UNARY } from "./codes.js";
import type { Operation } from "./operation.js";
import type { Producers } from "./producers.js";
import { replaced, sameShape, type Value } from "./value.js";

/** √(a² + b²) → one operation. */
export function magnitude(op: Operation, producers: Producers): Operation | undefined {
  if (op.kind !== "unary" || op.code !== UNARY.sqrt) return undefined;
  const sum = producers.only(op.inputs[0], "binary");
  if (sum?.code !== BINARY.add) return undefined;
  const squares = sum.inputs.map((value) => producers.only(value, "unary"));
  const operands = squares.flatMap((square) =>
    square?.code === UNARY.square ? [square.inputs[0] as Value] : [],
  );
  const [a, b] = operands;
  if (a === undefined || b === undefined || `${a.shape}` !== `${b.shape}`) return undefined;
  return { kind: "magnitude", inputs: [a, b], outputs: op.outputs, where: op.where };
}

/** A product and a known row that is added to it → a product with a bias. */
export function bias(op: Operation, producers: Producers): Operation | undefined {
  if (op.kind !== "binary" || op.code !== BINARY.add) return undefined;
  const [left, right] = op.inputs as [Value, Value];
  for (const [product, row] of [
    [left, right],
    [right, left],
  ] as const) {
    const matmul = producers.only(product, "matmul");
    const n = product.shape.at(-1) as number;
    const isRow = row.data !== undefined && row.size === n && (row.shape.at(-1) ?? 1) === n;
    if (matmul === undefined || matmul.inputs.length > 2 || !isRow) continue;
    if (`${op.outputs[0]?.shape}` !== `${product.shape}`) continue;
    return { ...matmul, inputs: [...matmul.inputs, row], outputs: op.outputs };
  }
  return undefined;
}

/** The operands of a sum or product: what is computed, and a known row of `n` numbers for its last axis. */
function withRow(op: Operation, code: number, n: number): [Value, Value] | undefined {
  if (op.kind !== "binary" || op.code !== code) return undefined;
  const [left, right] = op.inputs as [Value, Value];
  for (const [x, row] of [
    [left, right],
    [right, left],
  ] as const) {
    const isRow = row.data !== undefined && row.size === n && (row.shape.at(-1) ?? 1) === n;
    if (isRow && sameShape(op.outputs[0]?.shape ?? [], x.shape)) return [x, row];
  }
  return undefined;
}

/**
 * d = x − mean(x), d / √(mean(d²) + ε), and then a row as a factor and a row that is added where they are known: a layer
 * normalisation over the last axis, as exporters write it before opset 17 → one operation.
 */
export function layerNorm(op: Operation, producers: Producers): Operation | undefined {
  const n = op.outputs[0]?.shape.at(-1) ?? 0;
  const parameters: Value[] = [];
  let quotient: Operation | undefined = op;
  const shifted = withRow(op, BINARY.add, n);
  if (shifted !== undefined) {
    parameters.unshift(shifted[1]);
    quotient = producers.only(shifted[0], "binary");
  }
  const scaled = quotient && withRow(quotient, BINARY.multiply, n);
  if (scaled !== undefined) {
    parameters.unshift(scaled[1]);
    quotient = producers.only(scaled[0], "binary");
  } else if (shifted !== undefined) return undefined;
  if (quotient?.kind !== "binary" || quotient.code !== BINARY.divide) return undefined;
  const [centred, deviation] = quotient.inputs as [Value, Value];
  const known = normalised(centred, deviation, producers);
  if (known === undefined || known.x.shape.at(-1) !== n) return undefined;
  const { x, epsilon } = known;
  const { outputs, where } = op;
  const sizes = { rows: x.size / n, n, epsilon };
  return { kind: "normalise", inputs: [x, ...parameters], outputs, where, ...sizes };
}

/** x and ε, where `centred` is x without the mean of its row and `deviation` is √(mean of its squares + ε). */
function normalised(
  centred: Value,
  deviation: Value,
  producers: Producers,
): { x: Value; epsilon: number } | undefined {
  const difference = producers.only(centred, "binary", 2);
  const [x, mean] = difference?.inputs ?? [];
  if (difference?.code !== BINARY.subtract || x === undefined || mean === undefined)
    return undefined;
  const root = producers.only(deviation, "unary");
  const sum = root?.code === UNARY.sqrt ? producers.only(root.inputs[0], "binary") : undefined;
  if (sum?.code !== BINARY.add) return undefined;
  const variance = sum.inputs.find(({ data }) => data === undefined);
  const epsilon = sum.inputs.find(({ data, size }) => data !== undefined && size === 1)?.data?.[0];
  const squares = rowMean(variance, producers);
  const square = producers.only(squares, "unary");
  if (square?.code !== UNARY.square || square.inputs[0] !== centred) return undefined;
  if (rowMean(mean, producers) !== x || epsilon === undefined) return undefined;
  return { x, epsilon };
}

/** What a value is the mean of, row by row of its last axis, which stays with an extent of 1. */
function rowMean(value: Value | undefined, producers: Producers): Value | undefined {
  const op = producers.only(value, "reduce");
  const x = op?.inputs[0];
  if (x === undefined || op?.code !== REDUCE.mean || op.inner !== 1) return undefined;
  const last = x.shape.length - 1;
  return sameShape(op.outputs[0]?.shape ?? [], replaced(x.shape, last, 1)) ? x : undefined;
}
