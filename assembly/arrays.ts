// The arrays module: functions of managed Float64Arrays, bound by as-bind. Each one calls a kernel of the kernels module, so both
// modules give the same bits. src/arrays.ts checks the arguments.
import { sigmoid_map, tanh_map } from "./blas/map";
import { log_softmax_rows, log_sum_exp_rows, softmax_rows } from "./heads/softmax";

export function sigmoid(x: Float64Array): Float64Array {
  const y = new Float64Array(x.length);
  sigmoid_map<f64>(x.length, x.dataStart, y.dataStart);
  return y;
}

export function tanh(x: Float64Array): Float64Array {
  const y = new Float64Array(x.length);
  tanh_map<f64>(x.length, x.dataStart, y.dataStart);
  return y;
}

/** x has at least one element. */
export function softmax(x: Float64Array): Float64Array {
  const y = new Float64Array(x.length);
  softmax_rows(1, x.length, x.dataStart, y.dataStart);
  return y;
}

/** x has at least one element. */
export function logSoftmax(x: Float64Array): Float64Array {
  const y = new Float64Array(x.length);
  log_softmax_rows(1, x.length, x.dataStart, y.dataStart);
  return y;
}

/** x has at least one element. */
export function logSumExp(x: Float64Array): f64 {
  const y = new Float64Array(1);
  log_sum_exp_rows(1, x.length, x.dataStart, y.dataStart);
  return y[0];
}

/** "recurra 1.2.3, AssemblyScript 1.2.3, simd128, f64" */
export function buildInfo(): string {
  const own = `${RECURRA_VERSION_MAJOR}.${RECURRA_VERSION_MINOR}.${RECURRA_VERSION_PATCH}`;
  const compiler = `${ASC_VERSION_MAJOR}.${ASC_VERSION_MINOR}.${ASC_VERSION_PATCH}`;
  return `recurra ${own}, AssemblyScript ${compiler}, simd128, f64`;
}
