/** A value of the right kind and the wrong size. The message names the operand, the expected and the found shape. */
export class ShapeError extends RangeError {
  override name = "ShapeError";
}

/** A call in the wrong order: something was disposed, or belongs to another engine. */
export class StateError extends Error {
  override name = "StateError";
}

/** The host lacks something that the engine needs. */
export class FeatureError extends Error {
  override name = "FeatureError";
}

/** Linear memory cannot hold what a call needs. Nothing was changed; smaller calls go on working. */
export class EngineMemoryError extends RangeError {
  override name = "EngineMemoryError";
  /** Bytes that the engine would hold in all, had the call been carried out. */
  readonly needed: number;
  /** Bytes that the engine may hold: `maximumBytes`, or less where the host refused to grow. */
  readonly limit: number;

  constructor(needed: number, limit: number) {
    super(
      `linear memory: ${needed} bytes needed, the limit is ${limit}: dispose of caches that are done, split the batch or the sequence, or raise maximumBytes`,
    );
    this.needed = needed;
    this.limit = limit;
  }
}
