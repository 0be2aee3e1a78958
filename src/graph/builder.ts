import { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
import { formatShape } from "../tensor.js";
import type { Floats, Precision } from "../wasm/abi.js";
import { BINARY, UNARY } from "./codes.js";
import type { Memo } from "./memo.js";
import type { Operation, OperationKind, Parameters } from "./operation.js";
import {
  allocate,
  broadcast,
  inPrecision,
  itemOf,
  type Kind,
  MAX_RANK,
  replaced,
  sameShape,
  sizeOf,
  type Value,
} from "./value.js";

/** Thrown where a size or a condition depends on integer inputs that are not fixed yet; `origins` says which. */
export class NeedsValue extends Error {
  readonly origins: number;

  constructor(origins: number) {
    super("the graph depends on the numbers of an input");
    this.origins = origins;
  }
}

/** The numbers that an operation makes of known ones, output by output. */
export type Fold = (op: Operation) => readonly Floats[];

/** Multiplications that folding may take in all: a second or two. */
const MOST_WORK = 2 ** 31;

/**
 * Collects the operations of a graph, for sizes that are known. An operation on known numbers is carried out at once and
 * leaves its numbers; whatever is made is counted against `maximumBytes` before it exists.
 */
export class Builder {
  readonly precision: Precision;
  readonly memo: Memo;
  readonly operations: Operation[] = [];
  /** The node at hand, for messages. */
  where = "";
  readonly #fold: Fold;
  readonly #maximumBytes: number;
  #bytes = 0;
  #work = 0;

  constructor(fold: Fold, precision: Precision, maximumBytes: number, memo: Memo) {
    this.#fold = fold;
    this.memo = memo;
    this.precision = precision;
    this.#maximumBytes = maximumBytes;
  }

  fail(code: ModelFormatCode, what: string): never {
    throw new ModelFormatError(code, `${this.where}: ${what}`);
  }

  /** Counts bytes that are about to be made. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#maximumBytes) return;
    this.fail(
      "too-large",
      `expected values of ≤ ${this.#maximumBytes} bytes in all (maximumBytes), got ${this.#bytes}`,
    );
  }

  /** Throws unless `shape` is one: at most 8 integers ≥ 0 whose product is countable. */
  checkShape(shape: readonly number[]): void {
    if (shape.length > MAX_RANK) {
      this.fail("rank-too-high", `expected ≤ ${MAX_RANK} axes, got ${shape.length}`);
    }
    let size = 1;
    for (const extent of shape) {
      if (!Number.isSafeInteger(extent) || extent < 0) {
        this.fail("shape", `expected extents that are integers ≥ 0, got ${formatShape(shape)}`);
      }
      size *= Math.max(extent, 1);
    }
    // A descriptor of strides has 32 bits, and so has an address.
    if (size * 8 > 2 ** 32) {
      this.fail("too-large", `expected a value of ≤ 4 GiB, got shape ${formatShape(shape)}`);
    }
  }

  /** A value that a run computes or is given. */
  value(kind: Kind, precision: Precision, shape: readonly number[], origins = 0): Value {
    this.checkShape(shape);
    return { kind, precision, shape, size: sizeOf(shape), data: undefined, origins };
  }

  /** A value whose numbers are known; they are not copied. */
  constant(kind: Kind, shape: readonly number[], data: Floats): Value {
    this.checkShape(shape);
    const precision = data instanceof Float64Array ? "f64" : "f32";
    return { kind, precision, shape, size: data.length, data, origins: 0 };
  }

  integers(list: readonly number[], shape: readonly number[] = [list.length]): Value {
    this.count(list.length * 8);
    return this.constant("int", shape, Float64Array.from(list));
  }

  /** One number, of the kind and precision of another value. */
  scalar({ kind, precision }: Pick<Value, "kind" | "precision">, number: number): Value {
    this.count(8);
    return this.constant(kind, [], inPrecision(precision, Float64Array.of(number)));
  }

  /** The numbers of a value on which sizes depend. */
  numbers(value: Value): Floats {
    if (value.data !== undefined) return value.data;
    if (value.origins !== 0) throw new NeedsValue(value.origins);
    return this.fail("graph", "expected sizes that do not depend on computed numbers");
  }

  /** Adds an operation, or carries it out. `work` is its multiplications, where they exceed what it reads and writes. */
  add<K extends OperationKind>(
    kind: K,
    inputs: readonly Value[],
    outputs: readonly Omit<Value, "data" | "origins" | "size">[],
    parameters: Parameters[K] & { work?: number },
  ): Value[] {
    const origins = inputs.reduce((bits, { origins }) => bits | origins, 0);
    const made = outputs.map(({ kind, precision, shape }) =>
      this.value(kind, precision, shape, kind === "float" ? 0 : origins),
    );
    const { work = 0, ...rest } = parameters;
    const where = this.where;
    const op = { kind, inputs, outputs: made, where, ...rest } as unknown as Operation;
    if (!inputs.every(({ data }) => data !== undefined)) {
      this.operations.push(op);
      return made;
    }
    for (const { size, precision } of made) this.count(size * itemOf(precision));
    this.#work += work;
    if (this.#work > MOST_WORK) {
      this.fail("too-large", `expected ≤ ${MOST_WORK} multiplications at opening, got more`);
    }
    this.#carryOut(op, made);
    return made;
  }

  #carryOut(op: Operation, made: readonly Value[]): void {
    const [input] = op.inputs;
    // What only changes the shape keeps the array, so that weights are recognised as the same.
    if (op.kind === "reshape" && input?.data !== undefined) {
      (made[0] as Value).data = input.data;
      return;
    }
    if (made.every(({ size }) => size === 0)) {
      for (const value of made) value.data = allocate(value.precision, 0);
      return;
    }
    this.#fold(op).forEach((numbers, i) => {
      (made[i] as Value).data = numbers;
    });
  }

  #one<K extends OperationKind>(
    kind: K,
    inputs: readonly Value[],
    output: Omit<Value, "data" | "origins" | "size">,
    parameters: Parameters[K] & { work?: number },
  ): Value {
    return this.add(kind, inputs, [output], parameters)[0] as Value;
  }

  unary(name: keyof typeof UNARY, x: Value, alpha = 0, beta = 0): Value {
    return this.#one("unary", [x], x, { code: UNARY[name], alpha, beta });
  }

  /** f(a, b) of two values of one precision, broadcast; `kind` is that of the result. */
  binary(name: keyof typeof BINARY, a: Value, b: Value, kind: Kind = a.kind): Value {
    const shape = this.broadcast(a, b);
    const [left, right] = this.samePrecision(a, b);
    const { precision } = left;
    return this.#one("binary", [left, right], { kind, precision, shape }, { code: BINARY[name] });
  }

  /** The shape that values have together. */
  broadcast(...values: readonly Value[]): readonly number[] {
    let shape: readonly number[] = [];
    for (const value of values) {
      const joint = broadcast(shape, value.shape);
      if (joint === undefined) {
        const shapes = values.map((each) => formatShape(each.shape)).join(" and ");
        return this.fail("shape", `expected shapes that broadcast, got ${shapes}`);
      }
      shape = joint;
    }
    return shape;
  }

  /** Two values in the wider of their precisions. */
  samePrecision(a: Value, b: Value): [Value, Value] {
    if (a.precision === b.precision) return [a, b];
    return [this.convert(a, a.kind, "f64"), this.convert(b, b.kind, "f64")];
  }

  select(c: Value, a: Value, b: Value): Value {
    const shape = this.broadcast(c, a, b);
    const [left, right] = this.samePrecision(a, b);
    const { kind, precision } = left;
    const chosen = this.convert(c, "bool", precision);
    return this.#one("select", [chosen, left, right], { kind, precision, shape }, {});
  }

  /** x as another kind, in a precision. */
  convert(x: Value, kind: Kind, precision: Precision): Value {
    const exact = kind === x.kind || x.kind === "bool" || kind === "float";
    const rounding = exact ? 0 : kind === "int" ? 1 : 2;
    if (rounding === 0 && precision === x.precision) {
      // The same numbers under another name.
      return kind === x.kind ? x : this.#one("reshape", [x], { ...x, kind }, {});
    }
    return this.#one("convert", [x], { kind, precision, shape: x.shape }, { rounding });
  }

  reshape(x: Value, shape: readonly number[]): Value {
    this.checkShape(shape);
    if (sizeOf(shape) !== x.size) {
      const got = `${formatShape(shape)} for ${formatShape(x.shape)}`;
      this.fail("shape", `expected a shape of ${x.size} elements, got ${got}`);
    }
    if (sameShape(shape, x.shape)) return x;
    return this.#one("reshape", [x], { ...x, shape }, {});
  }

  permute(x: Value, order: readonly number[]): Value {
    if (order.every((axis, i) => axis === i)) return x;
    const shape = order.map((axis) => x.shape[axis] as number);
    return this.#one("permute", [x], { ...x, shape }, { order });
  }

  slice(
    x: Value,
    shape: readonly number[],
    starts: readonly number[],
    steps: readonly number[] = shape.map(() => 1),
  ): Value {
    if (sameShape(shape, x.shape) && steps.every((step) => step === 1)) return x;
    return this.#one("slice", [x], { ...x, shape }, { starts, steps });
  }

  /** `count` places of one axis, from `start` on. */
  along(x: Value, axis: number, start: number, count: number, step = 1): Value {
    const shape = replaced(x.shape, axis, count);
    const starts = shape.map((_, i) => (i === axis ? start : 0));
    const steps = shape.map((_, i) => (i === axis ? step : 1));
    return this.slice(x, shape, starts, steps);
  }

  expand(x: Value, shape: readonly number[]): Value {
    if (sameShape(shape, x.shape)) return x;
    return this.#one("expand", [x], { ...x, shape }, {});
  }

  concat(values: readonly Value[], axis: number): Value {
    const [first] = values as [Value];
    if (values.length === 1) return first;
    const total = values.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
    const shape = replaced(first.shape, axis, total);
    return this.#one("concat", values, { ...first, shape }, { axis });
  }

  matmul(a: Value, b: Value, bias?: Value): Value {
    const { kind, precision } = a;
    const [m, k] = a.shape.slice(-2) as [number, number];
    const n = b.shape.at(-1) as number;
    const leading = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (leading === undefined || b.shape.at(-2) !== k) {
      const shapes = `${formatShape(a.shape)} and ${formatShape(b.shape)}`;
      return this.fail("shape", `expected matrices (…, m, k) and (…, k, n), got ${shapes}`);
    }
    const shape = [...leading, m, n];
    const inputs = bias === undefined ? [a, b] : [a, b, bias];
    return this.#one("matmul", inputs, { kind, precision, shape }, { work: sizeOf(shape) * k });
  }
}
