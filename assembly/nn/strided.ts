// Loops over arrays of any strides. Every kernel of this room takes the bytes of one number first, 4 (f32) or 8 (f64).
//
// A descriptor is a list of i32: for each axis, outermost first, its extent and then one stride (in elements, may be 0 or
// negative) per operand:
//
//     | extent  stride a  stride b  stride y |  …  one group per axis, at least one axis, at most 8
//
// The caller joins axes that lie behind one another, so that the innermost one is long.

/** The extent of the axis that begins at `axis`. */
// @ts-ignore: decorator
@inline
export function extentOf(axis: usize): usize {
  return <usize>load<i32>(axis);
}

/** Bytes from one element of operand `operand` to the next along the axis. */
// @ts-ignore: decorator
@inline
export function strideOf(axis: usize, operand: usize, item: usize): usize {
  return <usize>(load<i32>(axis + (1 + operand) * sizeof<i32>()) * <i32>item);
}

/** Bytes of an axis in a descriptor of `operands` operands. */
// @ts-ignore: decorator
@inline
export function axisBytes(operands: usize): usize {
  return (1 + operands) * sizeof<i32>();
}

function copyRow<T>(n: usize, sx: usize, sy: usize, x: usize, y: usize): void {
  if (sx === sizeof<T>() && sy === sizeof<T>()) {
    memory.copy(y, x, n * sizeof<T>());
    return;
  }
  for (let i: usize = 0; i < n; i++) {
    store<T>(y, load<T>(x));
    x += sx;
    y += sy;
  }
}

function copyAxes<T>(rank: usize, axis: usize, x: usize, y: usize): void {
  const n = extentOf(axis);
  const sx = strideOf(axis, 0, sizeof<T>());
  const sy = strideOf(axis, 1, sizeof<T>());
  if (rank === 1) {
    copyRow<T>(n, sx, sy, x, y);
    return;
  }
  for (let i: usize = 0; i < n; i++) {
    copyAxes<T>(rank - 1, axis + axisBytes(2), x, y);
    x += sx;
    y += sy;
  }
}

/**
 * y[i, j, …] = x[i, j, …].
 *
 * - item:        bytes of one number
 * - rank, axes:  axes of the descriptor (operands x, y)
 * - x:           in
 * - y:           out, set; must not overlap x
 */
export function copy_strided(item: usize, rank: usize, axes: usize, x: usize, y: usize): void {
  if (item === 8) copyAxes<f64>(rank, axes, x, y);
  else copyAxes<f32>(rank, axes, x, y);
}

/** target = source, `bytes` bytes; they may overlap. */
export function copy_bytes(bytes: usize, source: usize, target: usize): void {
  memory.copy(target, source, bytes);
}

function fill<T>(n: usize, value: T, y: usize): void {
  for (let i: usize = 0; i < n; i++) store<T>(y + i * sizeof<T>(), value);
}

/** y[i] = value for i < n. y: out, set. */
export function fill_map(item: usize, n: usize, value: f64, y: usize): void {
  if (value === 0) memory.fill(y, 0, n * item);
  else if (item === 8) fill<f64>(n, value, y);
  else fill<f32>(n, <f32>value, y);
}

/** How `convert_map` rounds. */
enum Rounding {
  NONE,
  /** Towards zero; NaN becomes 0. */
  INTEGER,
  /** 0 or 1. */
  BOOLEAN,
}

function convert<S, T>(rounding: i32, n: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < n; i++) {
    const value = load<S>(x + i * sizeof<S>());
    let result = <T>value;
    if (rounding === Rounding.INTEGER) result = value === value ? <T>trunc<S>(value) : <T>0;
    else if (rounding === Rounding.BOOLEAN) result = value !== 0 ? <T>1 : <T>0;
    store<T>(y + i * sizeof<T>(), result);
  }
}

/**
 * y[i] = x[i] in another number format, rounded as `rounding` says: 0 not at all, 1 to an integer, 2 to 0 or 1.
 *
 * - from, to:  bytes of one number of x and of y
 * - x:         in; (n)
 * - y:         out, set; (n); may be x itself if from = to
 */
export function convert_map(
  from: usize,
  to: usize,
  rounding: i32,
  n: usize,
  x: usize,
  y: usize,
): void {
  if (from === 8) {
    if (to === 8) convert<f64, f64>(rounding, n, x, y);
    else convert<f64, f32>(rounding, n, x, y);
  } else if (to === 8) convert<f32, f64>(rounding, n, x, y);
  else convert<f32, f32>(rounding, n, x, y);
}
