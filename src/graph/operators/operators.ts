import type { Operator } from "../node.js";
import { ELEMENTWISE } from "./elementwise.js";
import { INDEXING } from "./indexing.js";
import { RECURRENT } from "./recurrent.js";
import { REDUCTIONS } from "./reduce.js";
import { SHAPE } from "./shape.js";
import { WINDOWS } from "./windows.js";

/** What each operator of the standard domain makes; `If` is the walk's own. */
const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  [ELEMENTWISE, SHAPE, WINDOWS, REDUCTIONS, INDEXING, RECURRENT].flatMap(Object.entries),
);

export const operatorOf = (name: string): Operator | undefined => OPERATORS.get(name);
