import { ModelFormatError, ShapeError, StateError, UnknownTokenError } from "recurra";
import { Problem } from "../problem.js";

/** The problem of what a client gave, if that is what the library says; every other error stays as it is. */
export function clientFault(error: Error): Error {
  const { message } = error;
  // It brings the character and its place.
  if (error instanceof UnknownTokenError) return error;
  if (error instanceof ShapeError) return new Problem("invalid-tensor", message);
  if (error instanceof StateError) return new Problem("model-mismatch", message);
  if (error instanceof ModelFormatError) return new Problem("invalid-request", message);
  if (error instanceof TypeError || error instanceof RangeError)
    return new Problem("invalid-sequence", message);
  return error;
}
