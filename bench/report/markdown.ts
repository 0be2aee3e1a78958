// What the tables of the report are made of: aligned Markdown, so that it reads on a terminal too.

export const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

export const times = (value: number | undefined): string =>
  value === undefined ? "–" : `${digits(value)}×`;

/** µs, as one unit for the whole table: what is to be compared stands in the same unit. */
export const micro = (nanoseconds: number): string => `${digits(nanoseconds / 1000)} µs`;

export function aligned(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows as [readonly string[], ...(readonly string[])[]];
  const width = head.map((_, i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(width[i] as number)).join(" | ")} |`;
  const rule = `|${width.map((w) => "-".repeat(w + 2)).join("|")}|`;
  return [line(head), rule, ...body.map(line)].join("\n");
}
