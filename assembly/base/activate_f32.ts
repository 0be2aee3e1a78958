// sigmoid and tanh in four f32 lanes.

/** 1 / (1 + exp(−x)). */
// @ts-ignore: decorator
@inline
export function sigmoidSingle(x: v128): v128 {
  return x;
}

/** tanh(x). */
// @ts-ignore: decorator
@inline
export function tanhSingle(x: v128): v128 {
  return x;
}
