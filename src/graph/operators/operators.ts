import type { Operator } from "../node.js";
import { elementwiseOperators } from "./elementwise.js";
import { indexingOperators } from "./indexing.js";
import { pad } from "./pad.js";
import { productOperators } from "./products.js";
import { recurrentOperators } from "./recurrent.js";
import { reductionOperators } from "./reduce.js";
import { shapeOperators } from "./shape.js";
import { windowOperators } from "./windows.js";

let operators: ReadonlyMap<string, Operator> | undefined;

/** What an operator of the standard domain makes. The table is made at the first call; `If` is the walk's own. */
export function operatorOf(name: string): Operator | undefined {
  operators ??= new Map(
    [
      elementwiseOperators(),
      shapeOperators(),
      { Pad: pad },
      windowOperators(),
      productOperators(),
      reductionOperators(),
      indexingOperators(),
      recurrentOperators(),
    ].flatMap((table) => Object.entries(table)),
  );
  return operators.get(name);
}
