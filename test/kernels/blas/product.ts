import { type Product, packPanels } from "../../oracle/blas.js";
import { type Twin, Workbench } from "../../support/kernels.js";
import { randomArray } from "../../support/random.js";

/** What stands between the rows of c, where no kernel may write. */
const GAP = 7.25 * 2 ** 90;

/** Outputs in one packed panel: two vectors. */
export const width = ({ numbers }: Twin): number => 32 / numbers.item;

/** Elements from the first to the last of a strided matrix. */
const span = (rows: number, width: number, stride: number): number =>
  rows === 0 ? 0 : (rows - 1) * stride + width;

interface Shape {
  rows: number;
  n: number;
  k: number;
  /** Added to the tight row strides k, n, n. */
  slack?: readonly [lda: number, ldi: number, ldc: number];
  /** One row of init for all. */
  bias?: boolean;
}

/** A product of numbers from `draw`, with c set to NaN. */
export function makeProduct(
  draw: () => number,
  { rows, n, k, slack = [0, 0, 0], bias = false }: Shape,
): Product {
  const [lda, ldi, ldc] = [k + slack[0], bias ? 0 : n + slack[1], n + slack[2]];
  const c = new Float64Array(span(rows, n, ldc)).fill(GAP);
  for (let r = 0; r < rows; r++) c.fill(Number.NaN, r * ldc, r * ldc + n);
  return {
    rows,
    n,
    k,
    lda,
    ldi,
    ldc,
    c,
    a: randomArray(draw, span(rows, k, lda)),
    w: randomArray(draw, n * k),
    init: randomArray(draw, span(rows, n, ldi)),
  };
}

/** The memory of c after `gemm_packed`. With `shift` 1 every other operand stands off the 16-byte grid, with 2 the others. */
export function runProduct(build: Twin, product: Product, shift = 0): Float64Array {
  const { rows, n, k, lda, ldi, ldc } = product;
  const [one, other] = [shift === 1 ? 1 : 0, shift === 2 ? 1 : 0];
  const bench = new Workbench(build);
  const a = bench.constant("a", product.a, one).pointer;
  const packed = bench.constant(
    "packed",
    packPanels(n, k, k, 1, product.w, width(build)),
    other,
  ).pointer;
  const init = bench.constant("init", product.init, one).pointer;
  const c = bench.input("c", product.c, other);
  build.kernels.gemm_packed(rows, n, k, lda, ldi, ldc, a, packed, init, c.pointer);
  bench.check();
  return c.read();
}

/** The same with c as its own init: what stands in c is added to. */
export function runInPlace(build: Twin, product: Product): Float64Array {
  const { rows, n, k, lda, ldc } = product;
  const bench = new Workbench(build);
  const a = bench.constant("a", product.a).pointer;
  const packed = bench.constant("packed", packPanels(n, k, k, 1, product.w, width(build))).pointer;
  const c = bench.input("c", product.c);
  build.kernels.gemm_packed(rows, n, k, lda, ldc, ldc, a, packed, c.pointer, c.pointer);
  bench.check();
  return c.read();
}
