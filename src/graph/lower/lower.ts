import type { Operation, OperationKind } from "../operation.js";
import { lowerConv } from "./convolution.js";
import {
  lowerBinary,
  lowerConvert,
  lowerMagnitude,
  lowerSelect,
  lowerUnary,
} from "./elementwise.js";
import { lowerGather, lowerGatherElements, lowerScatter, lowerTop } from "./indexing.js";
import type { Lowering } from "./lowering.js";
import { lowerMatmul } from "./products.js";
import { lowerRecurrent } from "./recurrent.js";
import { lowerArg, lowerCumulate, lowerNormalise, lowerReduce, lowerSoftmax } from "./rows.js";
import {
  lowerConcat,
  lowerExpand,
  lowerPad,
  lowerPermute,
  lowerReshape,
  lowerSlice,
} from "./shape.js";
import { lowerConvTranspose, lowerPool } from "./windows.js";

const LOWER: { readonly [K in OperationKind]: (lowering: Lowering, op: Operation<K>) => void } = {
  unary: lowerUnary,
  binary: lowerBinary,
  select: lowerSelect,
  convert: lowerConvert,
  reshape: lowerReshape,
  permute: lowerPermute,
  slice: lowerSlice,
  expand: lowerExpand,
  concat: lowerConcat,
  pad: lowerPad,
  reduce: lowerReduce,
  arg: lowerArg,
  cumulate: lowerCumulate,
  softmax: lowerSoftmax,
  normalise: lowerNormalise,
  magnitude: lowerMagnitude,
  matmul: lowerMatmul,
  conv: lowerConv,
  convTranspose: lowerConvTranspose,
  pool: lowerPool,
  recurrent: lowerRecurrent,
  gather: lowerGather,
  gatherElements: lowerGatherElements,
  scatter: lowerScatter,
  top: lowerTop,
};

/** Turns one operation into steps. */
export function lower(lowering: Lowering, op: Operation): void {
  (LOWER[op.kind] as (lowering: Lowering, op: Operation) => void)(lowering, op);
}
