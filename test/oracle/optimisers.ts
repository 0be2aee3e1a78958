// Plain loops in float64: one update of each optimiser, as PyTorch documents it (torch.optim, 1.13).

/** Numbers that an update changes in place. */
type Numbers = number[];

/** Stochastic gradient descent; `v` is the momentum buffer. */
export function sgd(
  w: Numbers,
  g: readonly number[],
  v: Numbers,
  o: {
    rate: number;
    decay: number;
    momentum: number;
    dampening: number;
    nesterov: boolean;
    first: boolean;
  },
): void {
  for (let i = 0; i < w.length; i++) {
    let d = (g[i] as number) + o.decay * (w[i] as number);
    if (o.momentum !== 0) {
      const velocity = o.first ? d : o.momentum * (v[i] as number) + (1 - o.dampening) * d;
      v[i] = velocity;
      d = o.nesterov ? d + o.momentum * velocity : velocity;
    }
    w[i] = (w[i] as number) - o.rate * d;
  }
}

/** Adam, and AdamW if it is decoupled; `most` holds the largest second moments of AMSGrad. Update t, from 1. */
export function adam(
  w: Numbers,
  g: readonly number[],
  [m, v, most]: readonly [Numbers, Numbers, Numbers | undefined],
  o: {
    rate: number;
    decay: number;
    decoupled: boolean;
    betas: readonly [number, number];
    epsilon: number;
    t: number;
  },
): void {
  const [b1, b2] = o.betas;
  for (let i = 0; i < w.length; i++) {
    let d = g[i] as number;
    if (o.decoupled) w[i] = (w[i] as number) * (1 - o.rate * o.decay);
    else d += o.decay * (w[i] as number);
    m[i] = b1 * (m[i] as number) + (1 - b1) * d;
    v[i] = b2 * (v[i] as number) + (1 - b2) * d * d;
    let spread = v[i] as number;
    if (most !== undefined) {
      most[i] = Math.max(most[i] as number, spread);
      spread = most[i] as number;
    }
    const unbiased = (m[i] as number) / (1 - b1 ** o.t);
    const root = Math.sqrt(spread / (1 - b2 ** o.t)) + o.epsilon;
    w[i] = (w[i] as number) - (o.rate * unbiased) / root;
  }
}

/** RMSprop; `mean` is there if it is centred. */
export function rmsprop(
  w: Numbers,
  g: readonly number[],
  [s, v, mean]: readonly [Numbers, Numbers, Numbers | undefined],
  o: { rate: number; decay: number; alpha: number; epsilon: number; momentum: number },
): void {
  for (let i = 0; i < w.length; i++) {
    let d = (g[i] as number) + o.decay * (w[i] as number);
    s[i] = o.alpha * (s[i] as number) + (1 - o.alpha) * d * d;
    let square = s[i] as number;
    if (mean !== undefined) {
      mean[i] = o.alpha * (mean[i] as number) + (1 - o.alpha) * d;
      square = Math.max(square - (mean[i] as number) ** 2, 0);
    }
    d /= Math.sqrt(square) + o.epsilon;
    if (o.momentum !== 0) {
      v[i] = o.momentum * (v[i] as number) + d;
      d = v[i] as number;
    }
    w[i] = (w[i] as number) - o.rate * d;
  }
}

/** Adagrad; the rate is that of the update, decayed. */
export function adagrad(
  w: Numbers,
  g: readonly number[],
  s: Numbers,
  o: { rate: number; decay: number; epsilon: number },
): void {
  for (let i = 0; i < w.length; i++) {
    const d = (g[i] as number) + o.decay * (w[i] as number);
    s[i] = (s[i] as number) + d * d;
    w[i] = (w[i] as number) - (o.rate * d) / (Math.sqrt(s[i] as number) + o.epsilon);
  }
}
