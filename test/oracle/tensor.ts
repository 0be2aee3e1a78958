// Numbers with a shape, in C order as numpy, and the few operations the oracle is written in: plain loops, with shapes and
// indices checked.

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** The same as it stands in a file of JSON, float64 printed exactly. */
export interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export const loaded = ({ shape, data }: Stored): Tensor => ({
  shape,
  data: Float64Array.from(data),
});

export function zeros(...shape: number[]): Tensor {
  return { shape, data: new Float64Array(shape.reduce((size, extent) => size * extent, 1)) };
}

function offset({ shape }: Tensor, index: readonly number[]): number {
  if (index.length !== shape.length) throw new RangeError(`[${index}] into shape (${shape})`);
  let at = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const [i, extent] = [index[axis] as number, shape[axis] as number];
    if (!(i >= 0 && i < extent)) throw new RangeError(`[${index}] outside shape (${shape})`);
    at = at * extent + i;
  }
  return at;
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
  const [, b, c, d, ...more] = tensors.map(({ data }) => data);
  if (more.length > 0) throw new RangeError(`${tensors.length} tensors, expected at most 4`);
  const at = (data: Float64Array | undefined, i: number): number => data?.[i] as number;
  const data = first.data.map((value, i) => f(value, at(b, i), at(c, i), at(d, i)));
  return { shape: first.shape, data };
}

export const add = (a: Tensor, b: Tensor): Tensor => each((x, y) => x + y, a, b);

/** x[:, :, t] of an (n, m, T) tensor. */
export function step(x: Tensor, t: number): Tensor {
  const [n, m, T] = [extent(x, 0), extent(x, 1), extent(x, 2)];
  if (!(t >= 0 && t < T)) throw new RangeError(`step ${t} of shape (${x.shape})`);
  return {
    shape: [n, m],
    data: new Float64Array(n * m).map((_, i) => x.data[i * T + t] as number),
  };
}

/** x[:, :, t] = value. */
export function setStep(x: Tensor, t: number, { shape, data }: Tensor): void {
  const T = extent(x, 2);
  if (!(t >= 0 && t < T) || `${shape}` !== `${x.shape.slice(0, 2)}`) {
    throw new RangeError(`(${shape}) as step ${t} of shape (${x.shape})`);
  }
  for (let i = 0; i < data.length; i++) x.data[i * T + t] = data[i] as number;
}

/** A·B. */
export function product(A: Tensor, B: Tensor): Tensor {
  const [n, k, m] = [extent(A, 0), extent(A, 1), extent(B, 1)];
  if (k !== extent(B, 0)) throw new RangeError(`(${A.shape}) times (${B.shape})`);
  const C = zeros(n, m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++)
        sum += (A.data[i * k + l] as number) * (B.data[l * m + j] as number);
      C.data[i * m + j] = sum;
    }
  }
  return C;
}

export function transpose(A: Tensor): Tensor {
  const [n, m] = [extent(A, 0), extent(A, 1)];
  const C = zeros(m, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) C.data[j * n + i] = A.data[i * m + j] as number;
  }
  return C;
}

/** A + b, the column b (n, 1) added to every column of A (n, m). */
export function addColumn(A: Tensor, b: Tensor): Tensor {
  const C = zeros(extent(A, 0), extent(A, 1));
  for (let i = 0; i < extent(A, 0); i++) {
    for (let j = 0; j < extent(A, 1); j++) set(C, get(A, i, j) + get(b, i, 0), i, j);
  }
  return C;
}

/** The sum of A's columns, (n, 1). */
export function sumColumns(A: Tensor): Tensor {
  const ones = each(() => 1, zeros(extent(A, 1), 1));
  return product(A, ones);
}

/** A above B. */
export function stack(A: Tensor, B: Tensor): Tensor {
  const data = new Float64Array(A.data.length + B.data.length);
  data.set(A.data);
  data.set(B.data, A.data.length);
  return { shape: [extent(A, 0) + extent(B, 0), extent(A, 1)], data };
}

/** Rows `from` … `to − 1` of A. */
export function rows(A: Tensor, from: number, to: number): Tensor {
  const width = extent(A, 1);
  return { shape: [to - from, width], data: A.data.slice(from * width, to * width) };
}

export const column = (A: Tensor, j: number): number[] =>
  Array.from({ length: extent(A, 0) }, (_, i) => get(A, i, j));

export function setColumn(A: Tensor, j: number, values: readonly number[]): void {
  values.forEach((value, i) => {
    set(A, value, i, j);
  });
}
