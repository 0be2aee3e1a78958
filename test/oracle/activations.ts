// ONNX's activations, one number at a time, and their derivatives.

export const FUNCTION_NAMES = [
  "sigmoid",
  "tanh",
  "relu",
  "affine",
  "leakyRelu",
  "thresholdedRelu",
  "scaledTanh",
  "hardSigmoid",
  "elu",
  "softsign",
  "softplus",
  "identity",
] as const;

export type ActivationName = (typeof FUNCTION_NAMES)[number];

/** α and β count only where the function has them. */
export interface Activation {
  readonly name: ActivationName;
  readonly alpha: number;
  readonly beta: number;
}

/** 1 / (1 + e^−x), from the side on which the exponential does not overflow. */
export function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

/** What a function is made of: JavaScript's, or the kernels' own to compare every bit around them. */
export interface Elementary {
  readonly exp: (x: number) => number;
  readonly sigmoid: (x: number) => number;
  readonly tanh: (x: number) => number;
}

/** JavaScript's own. */
export const PLAIN: Elementary = { exp: Math.exp, sigmoid, tanh: Math.tanh };

const exactly = (x: number): number => x;

/** f(x). `round` is to the numbers of a lower precision: of what is made of α, β and x by IEEE's operations, each of them. */
export function value({ name, alpha, beta }: Activation, x: number, round = exactly): number {
  switch (name) {
    case "sigmoid":
      return sigmoid(x);
    case "tanh":
      return Math.tanh(x);
    case "relu":
      return Math.max(x, 0);
    case "affine":
      return round(round(alpha * x) + beta);
    case "leakyRelu":
      return x < 0 ? round(alpha * x) : x;
    case "thresholdedRelu":
      return x <= alpha ? 0 : x;
    case "scaledTanh":
      return alpha * Math.tanh(beta * x);
    case "hardSigmoid": {
      const line = round(round(alpha * x) + beta);
      return line < 0 ? 0 : Math.min(line, 1);
    }
    case "elu":
      return x < 0 ? alpha * Math.expm1(x) : x;
    case "softsign":
      return Math.abs(x) === Number.POSITIVE_INFINITY
        ? Math.sign(x)
        : round(x / round(1 + Math.abs(x)));
    case "softplus":
      return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    case "identity":
      return x;
  }
}

/** f'(x), with y = f(x) at hand, rounded as in `value`; from the left at a corner of relu and thresholdedRelu, from the right at leakyRelu's and elu's. */
export function slope(
  { name, alpha, beta }: Activation,
  x: number,
  y: number,
  own: Elementary = PLAIN,
  round = exactly,
): number {
  switch (name) {
    case "sigmoid":
      return round(y * round(1 - y));
    case "tanh":
      return round(1 - round(y * y));
    case "relu":
      return x > 0 ? 1 : 0;
    case "affine":
      return alpha;
    case "leakyRelu":
      return x < 0 ? alpha : 1;
    case "thresholdedRelu":
      return x > alpha ? 1 : 0;
    case "scaledTanh": {
      const t = own.tanh(round(beta * x));
      return round(round(alpha * beta) * round(1 - round(t * t)));
    }
    case "hardSigmoid":
      return y > 0 && y < 1 ? alpha : 0;
    case "elu":
      return x < 0 ? round(alpha * own.exp(x)) : 1;
    case "softsign": {
      const d = round(1 + Math.abs(x));
      return round(1 / round(d * d));
    }
    case "softplus":
      return own.sigmoid(x);
    case "identity":
      return 1;
  }
}
