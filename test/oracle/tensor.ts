// Numbers with a shape, in C order as numpy, and the few operations the oracle is written in. Written to be read, not to be
// fast: every index is checked.

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function zeros(...shape: number[]): Tensor {
  return { shape, data: new Float64Array(shape.reduce((size, extent) => size * extent, 1)) };
}

function offset({ shape }: Tensor, index: readonly number[]): number {
  if (index.length !== shape.length) throw new RangeError(`[${index}] into shape (${shape})`);
  return shape.reduce((at, extent, axis) => {
    const i = index[axis] ?? -1;
    if (i < 0 || i >= extent) throw new RangeError(`[${index}] outside shape (${shape})`);
    return at * extent + i;
  }, 0);
}

export const get = (x: Tensor, ...index: number[]): number => x.data[offset(x, index)] as number;

export function set(x: Tensor, value: number, ...index: number[]): void {
  x.data[offset(x, index)] = value;
}

export const extent = (x: Tensor, axis: number): number => x.shape[axis] ?? 1;

/** f of the elements that stand at the same place. */
export function each(
  f: (...values: number[]) => number,
  ...tensors: [Tensor, ...Tensor[]]
): Tensor {
  const [first] = tensors;
  for (const { shape } of tensors) {
    if (`${shape}` !== `${first.shape}`) throw new RangeError(`(${shape}) beside (${first.shape})`);
  }
  const data = first.data.map((_, i) => f(...tensors.map((x) => x.data[i] as number)));
  return { shape: first.shape, data };
}

export const add = (a: Tensor, b: Tensor): Tensor => each((x, y) => x + y, a, b);

/** x[:, :, t] of an (n, m, T) tensor. */
export function step(x: Tensor, t: number): Tensor {
  const at = zeros(extent(x, 0), extent(x, 1));
  for (let i = 0; i < extent(x, 0); i++) {
    for (let b = 0; b < extent(x, 1); b++) set(at, get(x, i, b, t), i, b);
  }
  return at;
}

/** x[:, :, t] = value. */
export function setStep(x: Tensor, t: number, value: Tensor): void {
  for (let i = 0; i < extent(x, 0); i++) {
    for (let b = 0; b < extent(x, 1); b++) set(x, get(value, i, b), i, b, t);
  }
}
