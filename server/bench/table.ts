// The rows of the result.
import { cpus } from "node:os";

/** A row: what was measured, and what the project asks for. */
export interface Row {
  readonly what: string;
  readonly got: string;
  readonly must?: string;
  readonly aim?: string;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
};

export const whole = (value: number): string => Math.round(value).toLocaleString("en");
export const times = (value: number): string => `${value.toFixed(2)}×`;
export const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
export const megabytes = (bytes: number): string => `${whole(bytes / 1e6)} MB`;

/** The table in Markdown, with the machine. */
export function print(rows: readonly Row[]): void {
  const [cpu] = cpus();
  console.log(`\n${cpus().length} × ${cpu?.model.trim()}, Node ${process.version}\n`);
  console.log("| | measured | must | aim |\n|---|---:|---:|---:|");
  for (const { what, got, must = "", aim = "" } of rows) {
    console.log(`| ${what} | ${got} | ${must} | ${aim} |`);
  }
}
