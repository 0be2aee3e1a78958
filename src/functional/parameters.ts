import type { Cell } from "../cells/cell.js";
import { ShapeError } from "../errors.js";
import { Linear } from "../sequence/linear.js";
import { Stack } from "../sequence/stack.js";
import { type FillWeights, Weights } from "../sequence/weights.js";
import { checkShape, checkTensor, describe, formatShape, type Tensor } from "../tensor.js";
import { Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";

/** The sizes that a parameter object fixes. */
export interface ModelSizes {
  readonly nx: number;
  readonly na: number;
  readonly ny: number;
}

/** How the exercise names the parameters of one cell, and where they stand in `Weights`. */
export interface Naming<P extends object> {
  readonly cell: Cell;
  readonly names: readonly (keyof P & string)[];
  /** The weight and the bias of the output layer. */
  readonly linear: readonly [keyof P & string, keyof P & string];
  /** Checks every tensor and says what they fix. */
  check(where: string, parameters: P): ModelSizes;
  /** Copies the recurrent parameters into `Weights`' layout. */
  fill(parameters: P, sizes: ModelSizes): FillWeights;
}

/** The parameters of one network in linear memory: a recurrent layer and its output layer. */
export class Model extends Shared {
  readonly stack: Stack;
  readonly linear: Linear;
  /** The tensors that were packed, by which a replaced one is noticed. */
  readonly #tensors: readonly unknown[];

  /** Takes over the caller's ownership of stack and linear. */
  constructor(stack: Stack, linear: Linear, tensors: readonly unknown[]) {
    super();
    this.stack = stack;
    this.linear = linear;
    this.#tensors = tensors;
  }

  /** Of the one layer. */
  get weights(): Weights {
    return this.stack.layerDirections[0] as Weights;
  }

  /** Whether these are still the tensors that were packed. */
  holds(tensors: readonly unknown[]): boolean {
    return tensors.every((tensor, i) => tensor === this.#tensors[i]);
  }

  protected free(): void {
    this.stack.release();
    this.linear.release();
  }
}

/** Either the packed model of a parameter object, or its sizes and the way to pack it: nothing is allocated yet. */
export interface Prepared {
  readonly sizes: ModelSizes;
  /** Runs `work` with the model, packed if need be; what was packed for a call that throws is freed again. */
  use<R>(work: (model: Model) => R): R;
}

/** Checks a parameter object, or finds that it was checked and packed before. */
export function prepare<P extends object>(
  engine: Engine,
  where: string,
  naming: Naming<P>,
  parameters: P,
): Prepared {
  if (typeof parameters !== "object" || parameters === null) {
    throw new TypeError(
      `${where}: parameters: expected an object { ${naming.names.join(", ")} }, got ${describe(parameters)}`,
    );
  }
  const tensors = naming.names.map((name) => parameters[name]);
  const known = engine.kept(parameters);
  if (known instanceof Model && known.weights.cell === naming.cell && known.holds(tensors)) {
    const { nx, na } = known.weights;
    return { sizes: { nx, na, ny: known.linear.ny }, use: (work) => work(known) };
  }
  const sizes = naming.check(where, parameters);
  return {
    sizes,
    use(work) {
      const model = pack(engine, naming, parameters, sizes, tensors);
      engine.keep(parameters, model);
      try {
        return work(model);
      } catch (error) {
        engine.forget(parameters);
        throw error;
      }
    },
  };
}

function pack<P extends object>(
  engine: Engine,
  naming: Naming<P>,
  parameters: P,
  sizes: ModelSizes,
  tensors: readonly unknown[],
): Model {
  const { nx, na, ny } = sizes;
  const [W, bias] = naming.linear.map((name) => (parameters[name] as Tensor).data);
  const fill = naming.fill(parameters, sizes);
  const dtype = engine.numberType("f64");
  const { cell } = naming;
  const shape = { dtype, cells: [cell], layers: 1, reverse: false, nx, na, nh: na };
  const stack = new Stack(engine, shape, [new Weights(engine, cell, shape, fill)]);
  try {
    const linear = new Linear(engine, dtype, {
      ny,
      na,
      W: W as Float64Array,
      bias: bias as Float64Array,
    });
    return new Model(stack, linear, tensors);
  } catch (error) {
    stack.release();
    throw error;
  }
}

/** Throws unless a matrix has rows and columns, each at least 1; gives its extents. */
export function checkMatrix(
  where: string,
  name: string,
  value: Tensor,
  letters: string,
): readonly [number, number] {
  checkTensor(where, name, value);
  const [rows = 0, columns = 0] = value.shape;
  if (value.shape.length !== 2 || rows < 1 || columns < 1) {
    throw new ShapeError(
      `${where}: ${name}: expected ${letters}, each at least 1, got ${formatShape(value.shape)}`,
    );
  }
  return [rows, columns];
}

/** Throws unless a gate's matrix has a column for each hidden unit and for at least one input; gives its extents. */
export function checkGate(where: string, name: string, value: Tensor): readonly [number, number] {
  const [na, columns] = checkMatrix(where, name, value, "(na, na + nx)");
  if (columns > na) return [na, columns];
  throw new ShapeError(
    `${where}: ${name}: expected (na, na + nx) with nx ≥ 1, got ${formatShape([na, columns])}`,
  );
}

/** Checks the output layer and gives ny. */
export function checkHead(
  where: string,
  [weight, bias]: readonly [string, string],
  W: Tensor,
  b: Tensor,
  na: number,
  origin: string,
): number {
  const [ny] = checkMatrix(where, weight, W, "(ny, na)");
  checkShape(where, weight, W, ["ny", "na"], [undefined, na], origin);
  checkShape(where, bias, b, ["ny", "1"], [ny, 1], ` (from ${weight})`);
  return ny;
}
