import * as lstm from "../oracle/lstm.js";
import * as rnn from "../oracle/rnn.js";
import type { Subject } from "./subject.js";

export const oracle: Subject = { name: "oracle", ...rnn, ...lstm };

/** What the reference cases are asked of. */
export const subjects: readonly Subject[] = [
  oracle,
  // THE ENGINE JOINS HERE, once per shipped build: the same eight methods, each with the engine bound as first argument.
];
