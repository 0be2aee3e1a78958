import { type OnnxFile, readOnnx } from "recurra/onnx";

/** What exporters append to, or put before, the name of an input for the output that feeds it in the next step. */
const FORMS: readonly ((name: string) => string)[] = [
  (name) => `${name}N`,
  (name) => `${name}n`,
  (name) => `${name}_n`,
  (name) => `${name}_out`,
  (name) => `new_${name}`,
  (name) => `next_${name}`,
];

/** The output that feeds each input from step to step, by their names: state and stateN, h and hn, c and c_out. */
export function statesByName(bytes: Uint8Array): Record<string, string> {
  const { inputs, outputs } = namesOf(bytes);
  const given = new Set(outputs.map(({ name }) => name));
  const states: Record<string, string> = {};
  for (const { name } of inputs) {
    const found = FORMS.map((form) => form(name)).find((each) => given.has(each));
    if (found !== undefined) states[name] = found;
  }
  return states;
}

/** The inputs and outputs of a graph. None of a file that cannot be read: whoever opens it tells why. */
function namesOf(bytes: Uint8Array): Pick<OnnxFile, "inputs" | "outputs"> {
  try {
    return readOnnx(bytes, { nonFinite: "allow" });
  } catch {
    return { inputs: [], outputs: [] };
  }
}
