/** Of one contender's samples, in nanoseconds of a call. */
export interface Figures {
  median: number;
  /** Half the distance between the quartiles, as a share of the median. */
  spread: number;
  fastest: number;
  samples: number;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const below = Math.floor(place);
  const low = sorted[below] ?? Number.NaN;
  return low + (place - below) * ((sorted[below + 1] ?? low) - low);
}

export function summarize(samples: readonly number[]): Figures {
  const median = quantile(samples, 0.5);
  const spread = (quantile(samples, 0.75) - quantile(samples, 0.25)) / 2 / median;
  return { median, spread, fastest: Math.min(...samples), samples: samples.length };
}
