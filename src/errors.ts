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

/** A text that holds what a model's vocabulary does not. */
export class UnknownTokenError extends RangeError {
  override name = "UnknownTokenError";
  /** The character, or what was given for one token. */
  readonly character: string;
  /** Its place in the text, in UTF-16 units from 0. */
  readonly position: number;

  constructor(where: string, character: string, position: number) {
    const [first, ...others] = character;
    const code = (first?.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    const named = others.length === 0 ? ` (U+${code})` : "";
    super(
      `${where}: ${JSON.stringify(character)}${named} at place ${position} is not in the vocabulary: give unknown, the id it shall count as, or take it out`,
    );
    this.character = character;
    this.position = position;
  }
}

/** What an `AbortSignal` has ended. `completed` holds what was done by then. */
export class AbortedError<T> extends Error {
  override name = "AbortError";
  /** By the place of what went in; undefined where nothing came of it. */
  readonly completed: readonly (T | undefined)[];

  constructor(where: string, completed: readonly (T | undefined)[], cause: unknown) {
    const done = completed.filter((each) => each !== undefined).length;
    super(`${where}: aborted after ${done} of ${completed.length}`, { cause });
    this.completed = completed;
  }
}
