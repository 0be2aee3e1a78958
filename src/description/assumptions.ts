/** What the person who has the model can decide where its file is silent; `network`: everything else. */
export type AssumptionSubject =
  | "network"
  | "nonlinearity"
  | "input"
  | "output"
  | "activation"
  | "others";

/** A sentence about something that a reader inferred and the file does not say. */
export const assume = (subject: AssumptionSubject, sentence: string): string =>
  `${subject}: ${sentence}`;

/** Whether one of the sentences is about this subject. */
export const isAssumed = (assumptions: readonly string[] = [], subject: AssumptionSubject) =>
  assumptions.some((each) => each.startsWith(`${subject}: `));

/** The sentences about other subjects: an option has decided this one. */
export const settled = (assumptions: readonly string[] = [], subject: AssumptionSubject) =>
  assumptions.filter((each) => !each.startsWith(`${subject}: `));

/** How to run a network that no description holds, for messages. */
export const graphAdvice = (exporter: string): string =>
  `export the model to ONNX by ${exporter} and run it by openGraph of recurra/onnx`;
