import { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
import {
  AbortedError,
  EngineMemoryError,
  FeatureError,
  ShapeError,
  StateError,
  UnknownTokenError,
} from "../errors.js";

/** An error as plain data: `postMessage` would turn the classes of this package into `Error` and drop their fields. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: WireError | undefined;
}

/** The fields that each class has beside its message. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  EngineMemoryError: ["needed", "limit"],
  UnknownTokenError: ["character", "position"],
  ModelFormatError: ["code", "tensor", "offset"],
};

/** Makes an error of each class; its message and fields are set afterwards. */
const CLASSES: Readonly<Record<string, () => Error>> = {
  TypeError: () => new TypeError(),
  RangeError: () => new RangeError(),
  ShapeError: () => new ShapeError(),
  StateError: () => new StateError(),
  FeatureError: () => new FeatureError(),
  EngineMemoryError: () => new EngineMemoryError(0, 0),
  UnknownTokenError: () => new UnknownTokenError("", "", 0),
  ModelFormatError: () => new ModelFormatError("network" satisfies ModelFormatCode, ""),
  AbortError: () => new AbortedError("", [], undefined),
};

/** Whether this is an error and not a result. */
export const isWire = (value: object): value is WireError => "fields" in value && "stack" in value;

/** Causes of causes that are kept. */
const DEPTH = 3;

/** An error, as it can be posted. */
export function toWire(thrown: unknown, depth = DEPTH): WireError {
  if (!(thrown instanceof Error)) {
    return {
      name: "Error",
      message: String(thrown),
      stack: undefined,
      fields: {},
      cause: undefined,
    };
  }
  const { name, message, stack, cause } = thrown;
  const of = thrown as unknown as Readonly<Record<string, unknown>>;
  const fields = Object.fromEntries((FIELDS[name] ?? []).map((field) => [field, of[field]]));
  const own = cause === undefined || depth === 0 ? undefined : toWire(cause, depth - 1);
  return { name, message, stack, fields, cause: own };
}

/** The error that was posted, of its class. Its stack is the worker's. */
export function fromWire({ name, message, stack, fields, cause }: WireError): Error {
  const error = (CLASSES[name] ?? (() => new Error()))();
  const hidden = { configurable: true, enumerable: false, writable: true };
  Object.defineProperty(error, "message", { ...hidden, value: message });
  if (CLASSES[name] === undefined) error.name = name;
  Object.assign(error, fields);
  if (stack !== undefined) Object.defineProperty(error, "stack", { ...hidden, value: stack });
  if (cause !== undefined)
    Object.defineProperty(error, "cause", { ...hidden, value: fromWire(cause) });
  return error;
}
