import type * as Recurra from "recurra";

export type { GruParameters, LstmParameters, RnnParameters, Targets, Tensor } from "recurra";

const FUNCTIONS = [
  ...(["rnnCellForward", "rnnForward", "rnnCellBackward", "rnnBackward"] as const),
  ...(["lstmCellForward", "lstmForward", "lstmCellBackward", "lstmBackward"] as const),
  ...(["gruCellForward", "gruForward", "gruCellBackward", "gruBackward"] as const),
  "softmaxCrossEntropy",
] as const;

export type FunctionName = (typeof FUNCTIONS)[number];

type WithoutEngine<F> = F extends (engine: never, ...operands: infer O) => infer R
  ? (...operands: O) => R
  : never;

/** The exercise's functions without the engine, so that one driver serves the oracle, the sources and the built package. */
export type Subject = { readonly name: string } & {
  readonly [F in Exclude<FunctionName, "softmaxCrossEntropy">]: WithoutEngine<(typeof Recurra)[F]>;
} & {
  /** Of any cell: an inferred type keeps one overload alone. */
  softmaxCrossEntropy(
    caches: Recurra.RnnCaches | Recurra.LstmCaches | Recurra.GruCaches,
    targets: Recurra.Targets,
    options?: Recurra.LossOptions,
  ): Recurra.Loss & { readonly dWy?: Recurra.Tensor; readonly dWya?: Recurra.Tensor };
};

type Api = Readonly<Record<FunctionName, (...operands: never[]) => unknown>>;

/** The package's functions on an engine. Knows of no host: it runs in a page too. */
export function bound(name: string, api: Api, engine: object): Subject {
  const calls = FUNCTIONS.map((key) => {
    const call = api[key] as (...operands: unknown[]) => unknown;
    return [key, (...operands: unknown[]) => call(engine, ...operands)] as const;
  });
  return { name, ...Object.fromEntries(calls) } as Subject & Record<string, unknown>;
}
