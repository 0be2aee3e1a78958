/** A loss or a gradient is not finite. The weights are those of the last good copy; the trainer can be used on. */
export class DivergenceError extends RangeError {
  override name = "DivergenceError";
  /** The step that failed: the number of the update that it would have made, from 1. */
  readonly step: number;
  /** The first tensor with a number that is not finite, such as "gradient of recurrent.weight_hh_l0"; undefined if none has. */
  readonly tensor: string | undefined;
  /** The number of updates after which the weights stand that were restored. */
  readonly restored: number;

  constructor(
    where: string,
    what: string,
    { step, tensor, restored }: { step: number; tensor: string | undefined; restored: number },
  ) {
    const place = tensor === undefined ? "" : `, first in the ${tensor}`;
    super(
      `${where}: step ${step}: expected finite numbers, got ${what}${place}; the weights of update ${restored} are restored: lower the learning rate or clip the gradient`,
    );
    this.step = step;
    this.tensor = tensor;
    this.restored = restored;
  }
}
