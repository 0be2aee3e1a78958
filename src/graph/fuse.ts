import { BINARY, UNARY } from "./codes.js";
import type { Operation } from "./operation.js";
import type { Value } from "./value.js";

/** How many operations read each value; what the caller wants counts once more. */
export function countUses(
  operations: readonly Operation[],
  outputs: Iterable<Value>,
): Map<Value, number> {
  const uses = new Map<Value, number>();
  const add = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const { inputs } of operations) for (const input of inputs) add(input);
  for (const output of outputs) add(output);
  return uses;
}

/** The operations on which `outputs` depend, in order. */
export function withoutDead(
  operations: readonly Operation[],
  outputs: Iterable<Value>,
): Operation[] {
  const needed = new Set(outputs);
  const live: Operation[] = [];
  for (let i = operations.length - 1; i >= 0; i--) {
    const op = operations[i] as Operation;
    if (!op.outputs.some((value) => needed.has(value))) continue;
    live.push(op);
    for (const input of op.inputs) needed.add(input);
  }
  return live.reverse();
}

/** A way from an operation back to those that alone feed it. */
class Producers {
  readonly #by = new Map<Value, Operation>();
  readonly #uses: ReadonlyMap<Value, number>;

  constructor(operations: readonly Operation[], uses: ReadonlyMap<Value, number>) {
    for (const op of operations) for (const output of op.outputs) this.#by.set(output, op);
    this.#uses = uses;
  }

  /** The operation of this kind that makes a value which nobody else reads. */
  only<K extends Operation["kind"]>(value: Value | undefined, kind: K): Operation<K> | undefined {
    if (value === undefined || this.#uses.get(value) !== 1) return undefined;
    const op = this.#by.get(value);
    return op?.kind === kind ? (op as Operation<K>) : undefined;
  }
}

/** √(a² + b²) → one operation. */
function magnitude(op: Operation, producers: Producers): Operation | undefined {
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
function bias(op: Operation, producers: Producers): Operation | undefined {
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

const PATTERNS = [magnitude, bias];

/** Puts one operation in the place of several where it does the same. */
export function fuse(operations: readonly Operation[], outputs: readonly Value[]): Operation[] {
  const producers = new Producers(operations, countUses(operations, outputs));
  const fused = operations.map((op) => {
    for (const pattern of PATTERNS) {
      const better = pattern(op, producers);
      if (better !== undefined) return better;
    }
    return op;
  });
  return withoutDead(fused, outputs);
}
