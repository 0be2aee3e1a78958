// Sums and maxima over windows of a picture, and convolutions that are no matrix product.
//
// A geometry is a list of i32, two of each, first for rows and then for columns:
//
//     | input h w | output h w | kernel h w | stride h w | dilation h w | padding before h w | padding after h w |

// @ts-ignore: decorator
@inline
function part(geometry: usize, index: usize, axis: usize): i32 {
  return load<i32>(geometry + (2 * index + axis) * sizeof<i32>());
}

const INPUT: usize = 0;
const OUTPUT: usize = 1;
const KERNEL: usize = 2;
const STRIDE: usize = 3;
const DILATION: usize = 4;
const PADDING: usize = 5;
const PADDING_AFTER: usize = 6;

/** The first tap of a window that begins at `start`, with step `step`, that does not lie before 0. */
// @ts-ignore: decorator
@inline
function firstTap(start: i64, step: i64): i64 {
  return start >= 0 ? 0 : (step - 1 - start) / step;
}

/** The taps of a window that begins at `start`, with step `step`, that lie below `limit`. */
// @ts-ignore: decorator
@inline
function tapsBelow(start: i64, kernel: i64, step: i64, limit: i64): i64 {
  return start >= limit ? 0 : min<i64>(kernel, (limit - 1 - start) / step + 1);
}

/** Only taps inside the picture are visited: a file may declare a window of any size. */
function pool<T>(kind: i32, planes: usize, g: usize, x: usize, y: usize): void {
  const h: i64 = part(g, INPUT, 0);
  const w: i64 = part(g, INPUT, 1);
  const kernelH: i64 = part(g, KERNEL, 0);
  const kernelW: i64 = part(g, KERNEL, 1);
  const stepH: i64 = part(g, DILATION, 0);
  const stepW: i64 = part(g, DILATION, 1);
  for (let p: usize = 0; p < planes; p++) {
    for (let i: i64 = 0; i < part(g, OUTPUT, 0); i++) {
      const top = i * part(g, STRIDE, 0) - part(g, PADDING, 0);
      const lastRow = tapsBelow(top, kernelH, stepH, h);
      for (let j: i64 = 0; j < part(g, OUTPUT, 1); j++) {
        const left = j * part(g, STRIDE, 1) - part(g, PADDING, 1);
        const lastColumn = tapsBelow(left, kernelW, stepW, w);
        let sum: f64 = 0;
        let most = -Infinity as T;
        let count: i64 = 0;
        for (let k = firstTap(top, stepH); k < lastRow; k++) {
          const row = top + k * stepH;
          for (let l = firstTap(left, stepW); l < lastColumn; l++) {
            const column = left + l * stepW;
            const value = load<T>(x + <usize>(row * w + column) * sizeof<T>());
            count++;
            if (kind === 0) most = max<T>(most, value);
            else sum += <f64>value;
          }
        }
        if (kind === 2) {
          // Padding counts, but not what a rounded-up size adds beyond it.
          count =
            tapsBelow(top, kernelH, stepH, h + part(g, PADDING_AFTER, 0)) *
            tapsBelow(left, kernelW, stepW, w + part(g, PADDING_AFTER, 1));
        }
        store<T>(y, kind === 0 ? most : <T>(sum / <f64>count));
        y += sizeof<T>();
      }
    }
    x += <usize>(h * w) * sizeof<T>();
  }
}

/**
 * The maximum or the mean of each window.
 *
 * - item:      bytes of one number
 * - kind:      0 maximum, 1 mean of what lies inside, 2 mean in which padding counts as 0
 * - planes:    pictures, one after the other
 * - geometry:  see above
 * - x:         in; (planes, h, w)
 * - y:         out, set; (planes, output h, output w)
 */
export function pool_windows(
  item: usize,
  kind: i32,
  planes: usize,
  geometry: usize,
  x: usize,
  y: usize,
): void {
  if (item === 8) pool<f64>(kind, planes, geometry, x, y);
  else pool<f32>(kind, planes, geometry, x, y);
}

function depthwise<T>(
  rows: usize,
  n: usize,
  taps: usize,
  step: usize,
  tap: usize,
  x: usize,
  w: usize,
  bias: usize,
  y: usize,
): void {
  const bytes = n * sizeof<T>();
  const vector: usize = 16;
  const _lanes = vector / sizeof<T>();
  for (let r: usize = 0; r < rows; r++) {
    let at: usize = 0;
    for (; at + vector <= bytes; at += vector) {
      let sum = v128.load(bias + at);
      let from = x + at;
      let weight = w + at;
      for (let k: usize = 0; k < taps; k++) {
        sum = v128.add<T>(sum, v128.mul<T>(v128.load(from), v128.load(weight)));
        from += tap * sizeof<T>();
        weight += bytes;
      }
      v128.store(y + at, sum);
    }
    for (; at < bytes; at += sizeof<T>()) {
      let sum = load<T>(bias + at);
      for (let k: usize = 0; k < taps; k++) {
        sum = <T>(sum + load<T>(x + at + k * tap * sizeof<T>()) * load<T>(w + at + k * bytes));
      }
      store<T>(y + at, sum);
    }
    x += step * sizeof<T>();
    y += bytes;
  }
}

/**
 * y[r, c] = bias[c] + Σ_k x[r·step + k·tap + c]·w[k, c], k ascending: a convolution of each channel with its own kernel.
 *
 * - item:     bytes of one number
 * - rows, n:  outputs and channels
 * - taps:     the kernel's length
 * - step:     elements of x from output to output
 * - tap:      elements of x from tap to tap
 * - x, w, bias:  in; w (taps, n), bias (n), which may be y's row if rows = 1
 * - y:        out, set; (rows, n)
 */
export function depthwise_rows(
  item: usize,
  rows: usize,
  n: usize,
  taps: usize,
  step: usize,
  tap: usize,
  x: usize,
  w: usize,
  bias: usize,
  y: usize,
): void {
  if (item === 8) depthwise<f64>(rows, n, taps, step, tap, x, w, bias, y);
  else depthwise<f32>(rows, n, taps, step, tap, x, w, bias, y);
}

function scatter<T>(channels: usize, g: usize, x: usize, y: usize): void {
  const width = part(g, OUTPUT, 1);
  for (let i = 0; i < part(g, INPUT, 0); i++) {
    for (let j = 0; j < part(g, INPUT, 1); j++) {
      for (let k = 0; k < part(g, KERNEL, 0); k++) {
        const row = i * part(g, STRIDE, 0) + k * part(g, DILATION, 0) - part(g, PADDING, 0);
        for (let l = 0; l < part(g, KERNEL, 1); l++) {
          const column = j * part(g, STRIDE, 1) + l * part(g, DILATION, 1) - part(g, PADDING, 1);
          const inside = row >= 0 && row < part(g, OUTPUT, 0) && column >= 0 && column < width;
          if (inside) {
            const to = y + <usize>(row * width + column) * channels * sizeof<T>();
            for (let c: usize = 0; c < channels; c++) {
              const at = c * sizeof<T>();
              store<T>(to + at, <T>(load<T>(to + at) + load<T>(x + at)));
            }
          }
          x += channels * sizeof<T>();
        }
      }
    }
  }
}

/**
 * Adds the windows of a transposed convolution: y[row, column] += x[i, j, k, l] where output (row, column) is what tap
 * (k, l) of input (i, j) reaches.
 *
 * - channels:  numbers at each place
 * - geometry:  see above; the output is the larger picture
 * - x:         in; (input h, input w, kernel h, kernel w, channels)
 * - y:         in/out, added to; (output h, output w, channels)
 */
export function scatter_windows(
  item: usize,
  channels: usize,
  geometry: usize,
  x: usize,
  y: usize,
): void {
  if (item === 8) scatter<f64>(channels, geometry, x, y);
  else scatter<f32>(channels, geometry, x, y);
}
