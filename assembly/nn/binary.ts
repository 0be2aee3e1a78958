// One function of two or three numbers, with operands of any strides.

import { lanes, loadLanes, loadSplat, storeLanes, VECTOR } from "../base/lanes";
import { axisBytes, extentOf, strideOf } from "./strided";

/** Mirrored by BINARY of src/graph/codes.ts. */
enum Binary {
  ADD,
  SUBTRACT,
  MULTIPLY,
  DIVIDE,
  /** a / b towards zero: integers. */
  QUOTIENT,
  POWER,
  MINIMUM,
  MAXIMUM,
  /** a where a ≥ 0, else a·b. */
  PRELU,
  EQUAL,
  LESS,
  GREATER,
  LESS_OR_EQUAL,
  GREATER_OR_EQUAL,
  AND,
  OR,
  XOR,
  /** a − b·trunc(a / b), the sign of a. */
  REMAINDER,
  /** a − b·floor(a / b), the sign of b. */
  MODULO,
}

// @ts-ignore: decorator
@inline
function valueOf<T>(code: i32, a: v128, b: v128): v128 {
  const zero = v128.splat<T>(<T>0);
  const one = v128.splat<T>(<T>1);
  if (code === Binary.ADD) return v128.add<T>(a, b);
  if (code === Binary.SUBTRACT) return v128.sub<T>(a, b);
  if (code === Binary.MULTIPLY) return v128.mul<T>(a, b);
  if (code === Binary.DIVIDE) return v128.div<T>(a, b);
  if (code === Binary.QUOTIENT) return v128.trunc<T>(v128.div<T>(a, b));
  if (code === Binary.MINIMUM) return v128.min<T>(a, b);
  if (code === Binary.MAXIMUM) return v128.max<T>(a, b);
  if (code === Binary.PRELU) return v128.bitselect(v128.mul<T>(a, b), a, v128.lt<T>(a, zero));
  if (code === Binary.EQUAL) return v128.and(one, v128.eq<T>(a, b));
  if (code === Binary.LESS) return v128.and(one, v128.lt<T>(a, b));
  if (code === Binary.GREATER) return v128.and(one, v128.gt<T>(a, b));
  if (code === Binary.LESS_OR_EQUAL) return v128.and(one, v128.le<T>(a, b));
  if (code === Binary.GREATER_OR_EQUAL) return v128.and(one, v128.ge<T>(a, b));
  if (code === Binary.AND) return v128.mul<T>(a, b);
  if (code === Binary.OR) return v128.max<T>(a, b);
  if (code === Binary.XOR) return v128.and(one, v128.ne<T>(a, b));
  if (code === Binary.REMAINDER) {
    return v128.sub<T>(a, v128.mul<T>(b, v128.trunc<T>(v128.div<T>(a, b))));
  }
  return v128.sub<T>(a, v128.mul<T>(b, v128.floor<T>(v128.div<T>(a, b))));
}

/** One row: whole vectors where a and b are dense or repeat one number and y is dense, else one element at a time. */
// @ts-ignore: decorator
@inline
function rowOf<T>(
  code: i32,
  n: usize,
  sa: usize,
  sb: usize,
  sy: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  const item = sizeof<T>();
  if (sy === item && (sa === item || sa === 0) && (sb === item || sb === 0)) {
    const va: usize = sa === 0 ? 0 : VECTOR;
    const vb: usize = sb === 0 ? 0 : VECTOR;
    const repeatedA = loadSplat<T>(a);
    const repeatedB = loadSplat<T>(b);
    for (; n >= lanes<T>(); n -= lanes<T>()) {
      const left = va === 0 ? repeatedA : v128.load(a);
      const right = vb === 0 ? repeatedB : v128.load(b);
      v128.store(y, valueOf<T>(code, left, right));
      a += va;
      b += vb;
      y += VECTOR;
    }
    if (n === 0) return;
    const left = va === 0 ? repeatedA : loadLanes<T>(a, n);
    const right = vb === 0 ? repeatedB : loadLanes<T>(b, n);
    storeLanes<T>(y, valueOf<T>(code, left, right), n);
    return;
  }
  for (let i: usize = 0; i < n; i++) {
    storeLanes<T>(y, valueOf<T>(code, loadSplat<T>(a), loadSplat<T>(b)), 1);
    a += sa;
    b += sb;
    y += sy;
  }
}

function powerRow<T>(
  n: usize,
  sa: usize,
  sb: usize,
  sy: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  for (let i: usize = 0; i < n; i++) {
    store<T>(y, <T>NativeMath.pow(<f64>load<T>(a), <f64>load<T>(b)));
    a += sa;
    b += sb;
    y += sy;
  }
}

function row<T>(
  code: i32,
  n: usize,
  sa: usize,
  sb: usize,
  sy: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  switch (code) {
    case Binary.ADD:
      return rowOf<T>(Binary.ADD, n, sa, sb, sy, a, b, y);
    case Binary.SUBTRACT:
      return rowOf<T>(Binary.SUBTRACT, n, sa, sb, sy, a, b, y);
    case Binary.MULTIPLY:
      return rowOf<T>(Binary.MULTIPLY, n, sa, sb, sy, a, b, y);
    case Binary.DIVIDE:
      return rowOf<T>(Binary.DIVIDE, n, sa, sb, sy, a, b, y);
    case Binary.QUOTIENT:
      return rowOf<T>(Binary.QUOTIENT, n, sa, sb, sy, a, b, y);
    case Binary.POWER:
      return powerRow<T>(n, sa, sb, sy, a, b, y);
    case Binary.MINIMUM:
      return rowOf<T>(Binary.MINIMUM, n, sa, sb, sy, a, b, y);
    case Binary.MAXIMUM:
      return rowOf<T>(Binary.MAXIMUM, n, sa, sb, sy, a, b, y);
    case Binary.PRELU:
      return rowOf<T>(Binary.PRELU, n, sa, sb, sy, a, b, y);
    case Binary.EQUAL:
      return rowOf<T>(Binary.EQUAL, n, sa, sb, sy, a, b, y);
    case Binary.LESS:
      return rowOf<T>(Binary.LESS, n, sa, sb, sy, a, b, y);
    case Binary.GREATER:
      return rowOf<T>(Binary.GREATER, n, sa, sb, sy, a, b, y);
    case Binary.LESS_OR_EQUAL:
      return rowOf<T>(Binary.LESS_OR_EQUAL, n, sa, sb, sy, a, b, y);
    case Binary.GREATER_OR_EQUAL:
      return rowOf<T>(Binary.GREATER_OR_EQUAL, n, sa, sb, sy, a, b, y);
    case Binary.AND:
      return rowOf<T>(Binary.AND, n, sa, sb, sy, a, b, y);
    case Binary.OR:
      return rowOf<T>(Binary.OR, n, sa, sb, sy, a, b, y);
    case Binary.XOR:
      return rowOf<T>(Binary.XOR, n, sa, sb, sy, a, b, y);
    case Binary.REMAINDER:
      return rowOf<T>(Binary.REMAINDER, n, sa, sb, sy, a, b, y);
    default:
      return rowOf<T>(Binary.MODULO, n, sa, sb, sy, a, b, y);
  }
}

function binary<T>(code: i32, rank: usize, axis: usize, a: usize, b: usize, y: usize): void {
  const n = extentOf(axis);
  const sa = strideOf(axis, 0, sizeof<T>());
  const sb = strideOf(axis, 1, sizeof<T>());
  const sy = strideOf(axis, 2, sizeof<T>());
  if (rank === 1) {
    row<T>(code, n, sa, sb, sy, a, b, y);
    return;
  }
  for (let i: usize = 0; i < n; i++) {
    binary<T>(code, rank - 1, axis + axisBytes(3), a, b, y);
    a += sa;
    b += sb;
    y += sy;
  }
}

/**
 * y[i, j, …] = f(a[i, j, …], b[i, j, …]).
 *
 * - item:        bytes of one number
 * - code:        f, see above; comparisons give 0 or 1
 * - rank, axes:  axes of the descriptor (operands a, b, y); no axis may be empty
 * - a, b:        in
 * - y:           out, set; may be a or b themselves with the same strides
 */
export function binary_strided(
  item: usize,
  code: i32,
  rank: usize,
  axes: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  if (item === 8) binary<f64>(code, rank, axes, a, b, y);
  else binary<f32>(code, rank, axes, a, b, y);
}

function select<T>(rank: usize, axis: usize, c: usize, a: usize, b: usize, y: usize): void {
  const n = extentOf(axis);
  const sc = strideOf(axis, 0, sizeof<T>());
  const sa = strideOf(axis, 1, sizeof<T>());
  const sb = strideOf(axis, 2, sizeof<T>());
  const sy = strideOf(axis, 3, sizeof<T>());
  for (let i: usize = 0; i < n; i++) {
    if (rank === 1) store<T>(y, load<T>(c) !== 0 ? load<T>(a) : load<T>(b));
    else select<T>(rank - 1, axis + axisBytes(4), c, a, b, y);
    c += sc;
    a += sa;
    b += sb;
    y += sy;
  }
}

/**
 * y[i, j, …] = a[i, j, …] where c[i, j, …] ≠ 0, else b[i, j, …].
 *
 * - item:        bytes of one number, of all four
 * - rank, axes:  axes of the descriptor (operands c, a, b, y)
 * - c, a, b:     in
 * - y:           out, set; overlaps nothing
 */
export function select_strided(
  item: usize,
  rank: usize,
  axes: usize,
  c: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  if (item === 8) select<f64>(rank, axes, c, a, b, y);
  else select<f32>(rank, axes, c, a, b, y);
}
