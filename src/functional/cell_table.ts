import type { Cell } from "../cells/cell.js";
import { ShapeError } from "../errors.js";
import type { FillWeights, WeightArrays } from "../sequence/weights.js";
import { checkShape, checkTensor, describe, formatShape, type Tensor } from "../tensor.js";

/** The names of the recurrent parameters: all but those of the output layer. */
export type RecurrentName<P> = Exclude<keyof P & string, "Wy" | "Wya" | "by">;

/** The gradients of a cell's recurrent parameters: `d` and the parameter's name, shaped as the parameter. */
export type ParameterGradients<P> = { [N in RecurrentName<P> as `d${N}`]: Tensor };

/** Where the engine holds one parameter: the blocks of its arrays, each na rows. Hidden columns stand before input columns. */
export interface Place {
  /** Block of Wh: na columns. */
  readonly hidden?: number;
  /** Block of Wx: nx columns. */
  readonly input?: number;
  /** Block of the bias: one column. */
  readonly bias?: number;
  /** Whether the engine holds the numbers with the opposite sign. */
  readonly negative?: true;
}

/** How the exercise names the parameters of one cell, and where the engine holds them. */
export interface CellTable<P> {
  readonly cell: Cell;
  /** The first parameter fixes nx and na. */
  readonly places: { readonly [N in RecurrentName<P>]: Place };
  /** The weight and the bias of the output layer. */
  readonly output: readonly [weight: keyof P & string, bias: keyof P & string];
}

/** The sizes that the parameters of a cell fix. */
export interface Sizes {
  readonly nx: number;
  readonly na: number;
  readonly ny: number;
  /** The parameter that fixes nx and na. */
  readonly first: string;
}

type Places = Readonly<Record<string, Place>>;
type Tensors = Readonly<Record<string, Tensor>>;
type Arrays = WeightArrays<Float64Array<ArrayBuffer>>;

/** The names of all parameters of a cell, those of the output layer last. */
export const namesOf = <P>({ places, output }: CellTable<P>): string[] => [
  ...Object.keys(places),
  ...output,
];

/** The letter of a parameter's columns. */
function columnsOf({ hidden, input }: Place): "na + nx" | "na" | "nx" | "1" {
  if (hidden === undefined) return input === undefined ? "1" : "nx";
  return input === undefined ? "na" : "na + nx";
}

/** Throws unless every parameter is a tensor of its shape; returns the sizes that they fix. */
export function checkParameters<P>(where: string, table: CellTable<P>, parameters: P): Sizes {
  if (typeof parameters !== "object" || parameters === null) {
    const names = namesOf(table).join(", ");
    throw new TypeError(
      `${where}: parameters: expected an object { ${names} }, got ${describe(parameters)}`,
    );
  }
  const tensors = parameters as unknown as Tensors;
  const places: Places = table.places;
  const [first, ...others] = Object.keys(places) as [string, ...string[]];
  const letters = columnsOf(places[first] as Place);
  const [na, columns] = checkMatrix(where, first, tensors[first], ["na", letters]);
  const nx = letters === "nx" ? columns : columns - na;
  if (nx < 1) {
    throw new ShapeError(
      `${where}: ${first}: expected (na, ${letters}) with nx ≥ 1, got ${formatShape([na, columns])}`,
    );
  }
  const sizes = { "na + nx": na + nx, na, nx, "1": 1 };
  const origin = ` (from ${first})`;
  for (const name of others) {
    const letter = columnsOf(places[name] as Place);
    const shape = [na, sizes[letter]];
    checkShape(where, name, tensors[name] as Tensor, ["na", letter], shape, origin);
  }
  const [weight, bias] = table.output;
  const [ny] = checkMatrix(where, weight, tensors[weight], ["ny", "na"]);
  checkShape(where, weight, tensors[weight] as Tensor, ["ny", "na"], [undefined, na], origin);
  checkShape(where, bias, tensors[bias] as Tensor, ["ny", "1"], [ny, 1], ` (from ${weight})`);
  return { nx, na, ny, first };
}

/** Throws unless a matrix has at least one row and one column; returns their numbers. */
function checkMatrix(
  where: string,
  name: string,
  value: Tensor | undefined,
  letters: readonly string[],
): readonly [number, number] {
  checkTensor(where, name, value as Tensor);
  const { shape } = value as Tensor;
  const [rows = 0, columns = 0] = shape;
  if (shape.length === 2 && rows >= 1 && columns >= 1) return [rows, columns];
  throw new ShapeError(
    `${where}: ${name}: expected ${formatShape(letters)}, each at least 1, got ${formatShape(shape)}`,
  );
}

/** One parameter with sizes, and the blocks that hold it from left to right. */
export interface Part {
  readonly name: string;
  readonly gradient: string;
  readonly columns: number;
  readonly negative: boolean;
  readonly blocks: readonly {
    readonly array: "Wh" | "Wx" | "bias";
    readonly start: number;
    readonly columns: number;
  }[];
}

/** The recurrent parameters of a cell as parts. */
export function partsOf<P>({ places }: CellTable<P>, { nx, na }: Sizes): Part[] {
  return Object.entries<Place>(places).map(([name, { hidden, input, bias, negative }]) => {
    const blocks: Part["blocks"][number][] = [];
    const add = (array: "Wh" | "Wx" | "bias", index: number | undefined, columns: number): void => {
      if (index !== undefined) blocks.push({ array, start: index * na * columns, columns });
    };
    add("Wh", hidden, na);
    add("Wx", input, nx);
    add("bias", bias, 1);
    const columns = blocks.reduce((sum, block) => sum + block.columns, 0);
    return { name, gradient: `d${name}`, columns, negative: negative === true, blocks };
  });
}

/** Copies the recurrent parameters to the engine's arrays. */
export function fillFrom<P>(parameters: P, parts: readonly Part[], na: number): FillWeights {
  return (arrays) => {
    for (const { name, columns, negative, blocks } of parts) {
      const { data } = (parameters as unknown as Tensors)[name] as Tensor;
      let left = 0;
      for (const block of blocks) {
        const target = arrays[block.array];
        let to = block.start;
        for (let row = 0; row < na; row++) {
          const from = row * columns + left;
          for (let j = from; j < from + block.columns; j++) {
            const value = data[j] as number;
            target[to++] = negative ? -value : value;
          }
        }
        left += block.columns;
      }
    }
  };
}

/** Copies of the recurrent parameters out of the engine's arrays, or of their gradients under the gradients' names. */
export function tensorsFrom(
  arrays: Arrays,
  parts: readonly Part[],
  na: number,
  names: "name" | "gradient",
): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const part of parts) {
    const { columns, negative, blocks } = part;
    const data = new Float64Array(na * columns);
    let left = 0;
    for (const block of blocks) {
      const source = arrays[block.array];
      let from = block.start;
      for (let row = 0; row < na; row++) {
        const to = row * columns + left;
        for (let j = to; j < to + block.columns; j++) {
          const value = source[from++] as number;
          data[j] = negative ? -value : value;
        }
      }
      left += block.columns;
    }
    tensors[part[names]] = { shape: [na, columns], data };
  }
  return tensors;
}
