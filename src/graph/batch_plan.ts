import type { Given } from "./input.js";

/** How one stream's tensor lies in that of n streams: (outer, n, inner). */
export interface Lane {
  readonly outer: number;
  readonly inner: number;
}

/** A program for n streams: where each stream's part of a port stands. */
export interface BatchPlan {
  readonly given: readonly (Given | undefined)[];
  readonly inputs: ReadonlyMap<string, Lane>;
  readonly outputs: ReadonlyMap<string, Lane>;
}
