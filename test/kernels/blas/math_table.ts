import { fixtureBytes } from "../../support/fixtures.js";

// Rows (x, f(x) rounded correctly, the rest in units of the last place), written by scripts/make_math_table.py.
const ROWS = 5000;
const NAMES = ["exp", "log", "sigmoid", "tanh", "expm1", "softplus"] as const;
type Name = (typeof NAMES)[number];
const table = new Float64Array(fixtureBytes("math.bin").buffer);

const word = new DataView(new ArrayBuffer(8));

/** The double that stands `steps` places after `x`, counted by its bits: away from zero. */
export function next(x: number, steps: number): number {
  word.setFloat64(0, x);
  word.setBigInt64(0, word.getBigInt64(0) + BigInt(steps));
  return word.getFloat64(0);
}

/** Distance in doubles: 0 for the same number, 1 for neighbours. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || (a === 0 && b === 0)) return 0;
  word.setFloat64(0, Math.abs(a));
  const left = word.getBigInt64(0);
  word.setFloat64(0, Math.abs(b));
  const right = word.getBigInt64(0);
  return Math.sign(a) * Math.sign(b) < 0 ? Number(left + right) : Math.abs(Number(left - right));
}

/** Arguments of a function, its values there, and what they lack of the exact ones. */
export function tableOf(name: Name) {
  const column = (c: number): Float64Array => {
    const start = NAMES.indexOf(name) * ROWS;
    return Float64Array.from({ length: ROWS }, (_, i) => table[(start + i) * 3 + c] as number);
  };
  return { x: column(0), rounded: column(1), rest: column(2) };
}

/** The largest distance of `y` from the correctly rounded values, in places, and from the exact ones, in units of the last place. */
export function tableErrors(name: Name, y: Float64Array): { places: number; units: number } {
  const { rounded, rest } = tableOf(name);
  const places = y.map((value, i) => distance(value, rounded[i] as number));
  const units = y.map((value, i) => {
    const r = rounded[i] as number;
    const unit = next(Math.abs(r), 1) - Math.abs(r);
    return Math.abs((value - r) / unit - (rest[i] as number));
  });
  return { places: Math.max(...places), units: Math.max(...units) };
}
