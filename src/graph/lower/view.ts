/** A buffer of the plan, or one that is there already. */
export interface Storage {
  readonly bytes: number;
  /** Where it stands: absolute for what stays as long as the graph, else from the start of the program's block. */
  pointer: number;
  readonly fixed: boolean;
  /** Inputs of operations that are still to read it. */
  pending: number;
  /** The first and the last step that touch it. */
  first: number;
  last: number;
}

/** A value as it lies in memory: any strides, in elements; one of 0 repeats. */
export interface View {
  readonly storage: Storage;
  /** Elements from the start of the storage. */
  readonly offset: number;
  readonly item: 4 | 8;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export const newStorage = (bytes: number): Storage => ({
  bytes,
  pointer: 0,
  fixed: false,
  pending: 0,
  first: Number.POSITIVE_INFINITY,
  last: -1,
});

export const fixedStorage = (pointer: number, bytes: number): Storage => ({
  ...newStorage(bytes),
  pointer,
  fixed: true,
});

/** The byte at which a view begins, once its storage has a place in a block at `base`. */
export const addressOf = ({ storage, offset, item }: View, base: number): number =>
  (storage.fixed ? 0 : base) + storage.pointer + offset * item;

/** Strides of a C-ordered array. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides: number[] = new Array(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i] as number;
  }
  return strides;
}

/** Whether the numbers lie in C order without gaps. */
export function isDense({ shape, strides }: View): boolean {
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const extent = shape[i] as number;
    if (extent === 0) return true;
    if (extent !== 1 && strides[i] !== stride) return false;
    stride *= extent;
  }
  return true;
}

/** Axes of more than one element, the one with the greatest stride first. */
export const axesByStride = (shape: readonly number[], strides: readonly number[]): number[] =>
  shape
    .map((_, i) => i)
    .filter((i) => shape[i] !== 1)
    .sort((a, b) => Math.abs(strides[b] as number) - Math.abs(strides[a] as number) || a - b);

/** Whether the numbers lie without gaps, in whatever order of axes. */
export function isPacked({ shape, strides }: View): boolean {
  if (shape.includes(0)) return true;
  let stride = 1;
  for (const i of axesByStride(shape, strides).reverse()) {
    if (strides[i] !== stride) return false;
    stride *= shape[i] as number;
  }
  return true;
}

/** One axis of a loop over several operands. */
interface LoopAxis {
  extent: number;
  readonly strides: number[];
}

/**
 * The loop over a shape, for operands of these strides, as the descriptor of assembly/nn/strided.ts: axes of one element left
 * out, axes behind one another joined. The last operand, which is written, decides which axis is innermost.
 */
export function loopOver(
  shape: readonly number[],
  operands: readonly (readonly number[])[],
): { rank: number; descriptor: number[] } {
  const target = operands.at(-1) as readonly number[];
  const axes: LoopAxis[] = [];
  for (const i of axesByStride(shape, target)) {
    const extent = shape[i] as number;
    const strides = operands.map((each) => each[i] as number);
    const outer = axes.at(-1);
    if (outer?.strides.every((stride, o) => stride === (strides[o] as number) * extent)) {
      outer.extent *= extent;
      strides.forEach((stride, o) => {
        outer.strides[o] = stride;
      });
    } else axes.push({ extent, strides });
  }
  if (axes.length === 0) axes.push({ extent: 1, strides: operands.map(() => 1) });
  return {
    rank: axes.length,
    descriptor: axes.flatMap(({ extent, strides }) => [extent, ...strides]),
  };
}

/**
 * The strides under which a view shows another shape of as many elements; undefined where only a copy can. As in PyTorch:
 * old axes that lie behind one another form a run, and each run must hold whole new axes.
 */
export function reshapedStrides(view: View, shape: readonly number[]): number[] | undefined {
  if (isDense(view)) return rowMajor(shape);
  const extents = view.shape;
  const strides = view.strides;
  const result: number[] = new Array(shape.length).fill(1);
  let to = shape.length - 1;
  let base = strides.at(-1) ?? 1;
  let held = 1;
  let shown = 1;
  for (let from = extents.length - 1; from >= 0; from--) {
    held *= extents[from] as number;
    const goesOn = extents[from - 1] === 1 || strides[from - 1] === held * base;
    if (from > 0 && goesOn) continue;
    while (to >= 0 && (shown < held || shape[to] === 1)) {
      result[to] = shown * base;
      shown *= shape[to] as number;
      to--;
    }
    if (shown !== held) return undefined;
    base = strides[from - 1] ?? 1;
    held = 1;
    shown = 1;
  }
  return to < 0 ? result : undefined;
}
