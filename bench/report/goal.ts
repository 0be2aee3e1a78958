// What a goal is, and whether it is met.

export interface Measured {
  label: string;
  must: number;
  aim: number;
  value: number | undefined;
}

export interface Goal {
  title: string;
  /** Whether a larger number is better. */
  more: boolean;
  unit: string;
  rows: Measured[];
}

const passes = (more: boolean, value: number, bound: number): boolean =>
  more ? value >= bound : value <= bound;

export function verdict({ more, rows }: Goal): string {
  const known = rows.filter(({ value }) => value !== undefined);
  if (known.length === 0) return "not measured";
  const failed = known.filter(({ value, must }) => !passes(more, value as number, must));
  const unknown = known.length < rows.length ? ", some not measured" : "";
  if (failed.length > 0) return `not met: ${failed.map(({ label }) => label).join(", ")}${unknown}`;
  const aimed = known.every(({ value, aim }) => passes(more, value as number, aim));
  return `${aimed ? "met, and the aim" : "met"}${unknown}`;
}
