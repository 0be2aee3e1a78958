import type * as Recurra from "recurra";

type Tensors = Record<string, Recurra.Tensor>;

/** One of the exercise's programs, as test/fixtures/seed-cases holds it. */
export interface SeedCase {
  case: string;
  inputs: Tensors;
  parameters: Tensors;
  expected: Tensors;
}

/** The exercise's snake_case names in the API's camelCase. */
const camel = (name: string): string => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

/** The case's call, and its outputs under the names of `expected`. Knows nothing but the package's public functions. */
export function runSeedCase(
  api: typeof Recurra,
  engine: Recurra.Engine,
  { case: name, inputs, parameters, expected }: SeedCase,
): Tensors {
  const given = (key: string): Recurra.Tensor => {
    const input = inputs[key];
    if (input === undefined) throw new Error(`${name}: no input ${key}`);
    return api.tensor(input.shape, input.data);
  };
  const all = Object.entries(parameters).map(([key, { shape, data }]) => [
    key,
    api.tensor(shape, data),
  ]);
  const rnn: Recurra.RnnParameters = Object.fromEntries(all);
  const lstm: Recurra.LstmParameters = Object.fromEntries(all);
  const calls: Record<string, () => object> = {
    rnn_cell_forward: () => api.rnnCellForward(engine, given("xt"), given("a_prev"), rnn),
    rnn_forward: () => api.rnnForward(engine, given("x"), given("a0"), rnn),
    rnn_cell_backward() {
      const { cache } = api.rnnCellForward(engine, given("xt"), given("a_prev"), rnn);
      return api.rnnCellBackward(engine, given("da_next"), cache);
    },
    rnn_backward() {
      const { caches } = api.rnnForward(engine, given("x"), given("a0"), rnn);
      return api.rnnBackward(engine, given("da"), caches);
    },
    lstm_cell_forward() {
      const states = [given("a_prev"), given("c_prev")] as const;
      const step = api.lstmCellForward(engine, given("xt"), ...states, lstm);
      const { ft, it, cct, ot } = step.cache;
      return { ...step, ft, it, cct, ot };
    },
    lstm_forward: () => api.lstmForward(engine, given("x"), given("a0"), lstm),
    lstm_cell_backward() {
      const states = [given("a_prev"), given("c_prev")] as const;
      const { cache } = api.lstmCellForward(engine, given("xt"), ...states, lstm);
      return api.lstmCellBackward(engine, given("da_next"), given("dc_next"), cache);
    },
    lstm_backward() {
      const { caches } = api.lstmForward(engine, given("x"), given("a0"), lstm);
      return api.lstmBackward(engine, given("da"), caches);
    },
    lstm_backward_local() {
      const { caches } = api.lstmForward(engine, given("x"), given("a0"), lstm);
      return api.lstmBackward(engine, given("da"), caches, { throughTime: false });
    },
  };
  const call = calls[name];
  if (call === undefined) throw new Error(`no seed case ${name}`);
  const results = new Map(Object.entries(call()));
  return Object.fromEntries(Object.keys(expected).map((key) => [key, results.get(camel(key))]));
}
