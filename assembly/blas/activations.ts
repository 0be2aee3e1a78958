// The activations of a record (base/activations), element by element. The function is chosen outside the loop.

import { alphaOf, betaOf, clipOf, Kind, kindOf, mapAll, scaleAll } from "../base/activations";
import { loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { sigmoid_map, tanh_map } from "./map";

/** y[i] = x[i], clamped to −clip … clip. A NaN stays a NaN. */
function clamp<T>(n: usize, clip: f64, x: usize, y: usize): void {
  const high = v128.splat<T>(<T>clip);
  const low = v128.splat<T>(<T>-clip);
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    const value = loadLanes<T>(x + at, live);
    storeLanes<T>(y + at, v128.pmin<T>(v128.pmax<T>(value, low), high), live);
  }
}

/**
 * y[i] = f(clamp(x[i])); f is function `which` of a record: 0 f, 1 g, 2 h.
 *
 * - activations:  in; the record, drawn in base/activations, which also says which arguments are clamped
 * - x:            in; (n)
 * - y:            out, set; (n); may be x itself, no other overlap
 *
 * Tail: the bits of y[i] depend on x[i] alone, not on i or n.
 */
export function activation_map<T>(
  n: usize,
  activations: usize,
  which: i32,
  x: usize,
  y: usize,
): void {
  const alpha = alphaOf(activations, which);
  const beta = betaOf(activations, which);
  const clip = clipOf(activations, which);
  if (clip !== Infinity) {
    clamp<T>(n, clip, x, y);
    x = y;
  }
  const kind = kindOf(activations, which);
  if (kind === Kind.SIGMOID) sigmoid_map<T>(n, x, y);
  else if (kind === Kind.TANH) tanh_map<T>(n, x, y);
  else if (kind === Kind.RELU) mapAll<T>(Kind.RELU, n, alpha, beta, x, y);
  else if (kind === Kind.AFFINE) mapAll<T>(Kind.AFFINE, n, alpha, beta, x, y);
  else if (kind === Kind.LEAKY_RELU) mapAll<T>(Kind.LEAKY_RELU, n, alpha, beta, x, y);
  else if (kind === Kind.THRESHOLDED_RELU) mapAll<T>(Kind.THRESHOLDED_RELU, n, alpha, beta, x, y);
  else if (kind === Kind.SCALED_TANH) mapAll<T>(Kind.SCALED_TANH, n, alpha, beta, x, y);
  else if (kind === Kind.HARD_SIGMOID) mapAll<T>(Kind.HARD_SIGMOID, n, alpha, beta, x, y);
  else if (kind === Kind.ELU) mapAll<T>(Kind.ELU, n, alpha, beta, x, y);
  else if (kind === Kind.SOFTSIGN) mapAll<T>(Kind.SOFTSIGN, n, alpha, beta, x, y);
  else if (kind === Kind.SOFTPLUS) mapAll<T>(Kind.SOFTPLUS, n, alpha, beta, x, y);
  else mapAll<T>(Kind.IDENTITY, n, alpha, beta, x, y);
}

/**
 * d[i] *= f'(x[i]), the derivative of `activation_map`, which is 0 where x[i] is clamped. y is the result of `activation_map`.
 * All are (n); d overlaps neither x nor y.
 */
export function activationBackward<T>(
  n: usize,
  activations: usize,
  which: i32,
  x: usize,
  y: usize,
  d: usize,
): void {
  const alpha = alphaOf(activations, which);
  const beta = betaOf(activations, which);
  const clip = clipOf(activations, which);
  const kind = kindOf(activations, which);
  if (kind === Kind.SIGMOID) scaleAll<T>(Kind.SIGMOID, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.TANH) scaleAll<T>(Kind.TANH, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.RELU) scaleAll<T>(Kind.RELU, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.AFFINE) scaleAll<T>(Kind.AFFINE, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.LEAKY_RELU) scaleAll<T>(Kind.LEAKY_RELU, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.THRESHOLDED_RELU)
    scaleAll<T>(Kind.THRESHOLDED_RELU, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.SCALED_TANH) scaleAll<T>(Kind.SCALED_TANH, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.HARD_SIGMOID)
    scaleAll<T>(Kind.HARD_SIGMOID, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.ELU) scaleAll<T>(Kind.ELU, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.SOFTSIGN) scaleAll<T>(Kind.SOFTSIGN, n, clip, alpha, beta, x, y, d);
  else if (kind === Kind.SOFTPLUS) scaleAll<T>(Kind.SOFTPLUS, n, clip, alpha, beta, x, y, d);
  else scaleAll<T>(Kind.IDENTITY, n, clip, alpha, beta, x, y, d);
}
