import type { Floats } from "../wasm/abi.js";
import type { Declared, Given } from "./input.js";
import type { Port, Program } from "./program.js";

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
  /** What the last run found of the program: good for as long as that is kept. */
  bound: BoundPlan | undefined;
}

/** The ports of one program for n streams. */
export interface BoundPlan {
  readonly program: Program;
  readonly inputs: readonly BatchPort[];
  readonly outputs: readonly BatchPort[];
}

/** A port, and where each stream's part of it comes from or goes to. */
export interface BatchPort {
  readonly port: Port;
  readonly lane: Lane;
  /** The graph's input that it is. */
  readonly declared: Declared | undefined;
  /** The state that it is: bytes from the start of a stream's state. */
  readonly state: number | undefined;
}

/** Puts one stream's numbers into those of n, or takes them out. */
export function exchange(
  lane: Lane,
  { n, s }: { n: number; s: number },
  one: Floats,
  all: Floats,
  into: boolean,
): void {
  const { outer, inner } = lane;
  for (let o = 0; o < outer; o++) {
    const [place, at] = [o * inner, (o * n + s) * inner];
    if (into) all.set(one.subarray(place, place + inner), at);
    else one.set(all.subarray(at, at + inner), place);
  }
}
