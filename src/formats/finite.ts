/** Of all numbers at once: 0 times a finite number is 0, of another NaN. */
export function allFinite(data: Float64Array | Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += 0 * (data[i] as number);
  return sum === 0;
}
