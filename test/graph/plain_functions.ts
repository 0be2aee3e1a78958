// What operators compute of one number, of two, and of a list, in float64.

/** The error function, by its series; |x| ≤ 3. */
function erf(x: number): number {
  let [sum, power] = [0, x];
  for (let n = 0; n < 80; n++) {
    sum += power / (2 * n + 1);
    power *= -(x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** To the nearest integer, halves to the even one. */
function rounded(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}
const selu = (x: number): number =>
  1.0507010221481323 * (x > 0 ? x : 1.6732631921768188 * Math.expm1(x));

export const UNARY: Record<string, (x: number) => number> = {
  Abs: Math.abs,
  Exp: Math.exp,
  Erf: erf,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: rounded,
  Sign: Math.sign,
  HardSwish: (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5)),
  Mish: (x) => x * Math.tanh(softplus(x)),
  Selu: selu,
  Celu: (x) => Math.max(0, x) + Math.min(0, Math.expm1(x)),
  ThresholdedRelu: (x) => (x > 1 ? x : 0),
  Gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  Log: Math.log,
  Sqrt: Math.sqrt,
  Reciprocal: (x) => 1 / x,
};
export const ABOVE_0 = ["Log", "Sqrt", "Reciprocal"];

export const BINARY: Record<string, (a: number, b: number) => number> = {
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Equal: (a, b) => Number(a === b),
  Less: (a, b) => Number(a < b),
  Greater: (a, b) => Number(a > b),
  LessOrEqual: (a, b) => Number(a <= b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  And: (a, b) => a * b,
  Or: (a, b) => Math.max(a, b),
  Xor: (a, b) => Number(a !== b),
};

export const REDUCED: Record<string, (values: readonly number[]) => number> = {
  ReduceSum: (list) => list.reduce((a, b) => a + b, 0),
  ReduceProd: (list) => list.reduce((a, b) => a * b, 1),
  ReduceLogSum: (list) => Math.log(list.reduce((a, b) => a + b, 0)),
  ReduceLogSumExp: (list) => Math.log(list.reduce((a, b) => a + Math.exp(b), 0)),
};
