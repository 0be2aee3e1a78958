import { type Tensor, tensor } from "recurra";

/** An object of tensors, such as the parameters of a network. */
type Tensors<P> = { readonly [K in keyof P]: Tensor };

/** The gradients of P: each name with a `d` before it. */
export type Gradients<P> = { readonly [K in `d${keyof P & string}`]: Tensor };

/**
 * Adam as in the paper: running means of the gradient and of its square, both corrected for their start at zero.
 * Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
 */
export class Adam<P extends Tensors<P>> {
  readonly #parameters: P;
  readonly #moments: { name: keyof P & string; mean: Tensor; square: Tensor }[];
  readonly #beta1 = 0.9;
  readonly #beta2 = 0.999;
  readonly #epsilon = 1e-8;
  #steps = 0;

  constructor(parameters: P) {
    this.#parameters = parameters;
    this.#moments = (Object.keys(parameters) as (keyof P & string)[]).map((name) => {
      const { shape } = parameters[name];
      return { name, mean: tensor(shape), square: tensor(shape) };
    });
  }

  /**
   * Changes the parameters in place, each number by about `rate` at most.
   *
   * @param largestNorm a gradient with a larger norm is scaled down to it; the norm is that of all gradients as one vector
   */
  step(gradients: Gradients<P>, rate: number, largestNorm: number): void {
    this.#steps++;
    const unbias1 = 1 / (1 - this.#beta1 ** this.#steps);
    const unbias2 = 1 / (1 - this.#beta2 ** this.#steps);
    const scale = Math.min(1, largestNorm / normOf(Object.values<Tensor>(gradients)));
    for (const { name, mean, square } of this.#moments) {
      const values = this.#parameters[name].data;
      const slopes = gradients[`d${name}`].data;
      for (let i = 0; i < values.length; i++) {
        const slope = scale * (slopes[i] as number);
        const m = (mean.data[i] as number) * this.#beta1 + (1 - this.#beta1) * slope;
        const v = (square.data[i] as number) * this.#beta2 + (1 - this.#beta2) * slope * slope;
        mean.data[i] = m;
        square.data[i] = v;
        const step = (rate * unbias1 * m) / (Math.sqrt(v * unbias2) + this.#epsilon);
        values[i] = (values[i] as number) - step;
      }
    }
  }
}

function normOf(tensors: readonly Tensor[]): number {
  let sum = 0;
  for (const { data } of tensors) {
    for (let i = 0; i < data.length; i++) sum += (data[i] as number) ** 2;
  }
  return Math.sqrt(sum);
}
