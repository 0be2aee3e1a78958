import { ModelFormatError } from "../description/format_error.js";

type Numbers = Float64Array | Float32Array;

/** Up to this length native searches are faster: the loop is not compiled yet when the first model is opened (Node 20). */
const SHORT = 2 ** 17;

/** Whether all numbers are finite: 0 times a finite number is 0, times another NaN. */
export function allFinite(data: Numbers): boolean {
  if (data.length <= SHORT) {
    return !(data.includes(Number.NaN) || data.includes(Infinity) || data.includes(-Infinity));
  }
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += 0 * (data[i] as number);
  return sum === 0;
}

/**
 * Throws a `ModelFormatError` at the first NaN or ±∞ of a tensor.
 *
 * @param offsetOf the byte of the file at which an element lies
 */
export function checkFinite(
  where: string,
  name: string,
  data: Numbers,
  offsetOf?: (i: number) => number,
): void {
  if (allFinite(data)) return;
  const i = data.findIndex((value) => !Number.isFinite(value));
  const found = `${data[i]} (nonFinite: "allow" accepts it)`;
  const message = `${where}: ${JSON.stringify(name)}: element ${i}: expected a finite number, got ${found}`;
  throw new ModelFormatError("not-finite", message, name, offsetOf?.(i));
}
