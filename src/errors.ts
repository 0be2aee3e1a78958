/** An operand of the wrong size. */
export class ShapeError extends RangeError {
  override readonly name = "ShapeError";
}
