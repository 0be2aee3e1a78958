import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type DenseDescription,
  type LanguageModel,
  type LanguageStream,
  loadLanguageModel,
  type ModelDescription,
  ModelFormatError,
  StateError,
  type StoredNumbers,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { describedOf, LANGUAGE, type ModelPlan, tokensOf } from "../support/models.js";

const engine = createEngineSync();
const plan = LANGUAGE.find(({ name }) => name.startsWith("lstm over")) as ModelPlan;
const described = describedOf(plan);
const model = await loadLanguageModel(engine, described);
const text = tokensOf(30, 5);

const read = (of: LanguageModel, tokens: readonly number[]): LanguageStream => {
  const stream = of.stream();
  for (const token of tokens) stream.push(token);
  return stream;
};

const bytes = read(model, text).state.toBytes();

/** A stream that was elsewhere, given bytes: what it threw, and that it stays where it was. */
function refusal(given: Uint8Array, of = model): unknown {
  const stream = read(of, [1, 2, 3]);
  const before = stream.state.toBytes();
  let thrown: unknown;
  try {
    stream.state.fromBytes(given);
  } catch (error) {
    thrown = error;
  }
  if (thrown !== undefined) expect(stream.state.toBytes()).toEqual(before);
  stream.dispose();
  return thrown;
}

const changed = (at: number, value: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
};

describe("a model's hash", () => {
  it("is the same in memory that was used before, and of numbers in single arrays", async () => {
    const dirty = createEngineSync();
    const block = coreOf(dirty).arena.allocate(500_000);
    coreOf(dirty).arena.f64(block.pointer, 60_000).fill(Number.NaN);
    block.release();
    for (const precision of ["f64", "f32"] as const) {
      const single = ({ shape, data }: StoredNumbers) => ({ shape, data: Float32Array.from(data) });
      for (const plan of LANGUAGE) {
        const described = describedOf(plan);
        const { input, recurrent, dense } = described;
        const singles: ModelDescription = {
          ...described,
          input: input.kind === "embedding" ? { ...input, weight: single(input.weight) } : input,
          recurrent: recurrent.map((part) => ({
            ...part,
            weights: Object.fromEntries(
              Object.entries(part.weights).map(([name, value]) => [name, single(value)]),
            ),
          })),
          dense: dense.map((head) => ({
            ...head,
            weight: single(head.weight),
            ...(head.bias && { bias: single(head.bias) }),
          })),
        };
        const models = await Promise.all([
          loadLanguageModel(createEngineSync(), described, { precision }),
          loadLanguageModel(dirty, described, { precision }),
          loadLanguageModel(dirty, singles, { precision }),
        ]);
        expect(new Set(models.map(({ hash }) => hash)).size).toBe(1);
        for (const made of models.slice(1)) made.dispose();
      }
    }
  });
});

describe("a stream's state as bytes", () => {
  it.each(LANGUAGE)(
    "$name: read again by a stream of another engine's same model, 0 bits of difference",
    async (plan) => {
      for (const precision of ["f64", "f32"] as const) {
        const [here, there] = await Promise.all(
          [engine, createEngineSync()].map((each) =>
            loadLanguageModel(each, describedOf(plan), { precision }),
          ) as [Promise<LanguageModel>, Promise<LanguageModel>],
        );
        expect(there.hash).toBe(here.hash);
        for (const length of [0, 1, 30]) {
          const stream = read(here, text.slice(0, length));
          const other = read(there, [5, 6, 7]);
          const stored = stream.state.toBytes();
          // Somewhere in a larger buffer, at an odd place, as a Node buffer has it.
          const padded = new Uint8Array(stored.length + 3);
          padded.set(stored, 3);
          other.state.fromBytes(Buffer.from(padded.buffer, 3));
          expect(other.state.toBytes()).toEqual(stored);
          if (length === 0) expect(() => other.next()).toThrow(StateError);
          else expect(other.next()).toEqual(stream.next());
          expect(other.push(2)).toBe(stream.push(2));
          expect(other.next()).toEqual(stream.next());
          stream.dispose();
        }
        here.dispose();
      }
    },
  );

  it("are a copy", () => {
    const stream = read(model, text);
    const stored = stream.state.toBytes();
    const given = stored.slice();
    stream.push(1);
    expect(stored).toEqual(bytes);
    const other = model.stream();
    other.state.fromBytes(given);
    given.fill(0);
    expect(other.state.toBytes()).toEqual(bytes);
  });

  it("one byte of another value, anywhere, is refused", () => {
    for (let at = 0; at < bytes.length; at++) {
      const own = bytes[at] as number;
      for (const value of [own ^ 1, own ^ 0x20, own ^ 0x80, 255 - own]) {
        const error = refusal(changed(at, value));
        expect(error, `byte ${at}: ${value}`).toBeInstanceOf(ModelFormatError);
        expect((error as ModelFormatError).code).toBe(
          at === 4 || at === 5 ? "state-version" : "state",
        );
      }
    }
  });

  it("shorter or longer ones are refused, whatever their length", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(bytes.slice(0, length)), `${length}`).toBeInstanceOf(ModelFormatError);
    }
    for (const more of [1, 8, 16, 1000]) {
      const longer = new Uint8Array(bytes.length + more);
      longer.set(bytes);
      expect(refusal(longer), `${more} more`).toBeInstanceOf(ModelFormatError);
    }
    expect(refusal(bytes)).toBeUndefined();
  });

  it("another version, and what is no state at all, by the whole message", () => {
    expect(refusal(changed(4, 2))).toMatchObject({
      name: "ModelFormatError",
      code: "state-version",
      offset: 4,
      message: "fromBytes: expected version 1, got 2",
    });
    expect(refusal(changed(0, 0))).toMatchObject({
      name: "ModelFormatError",
      code: "state",
      message: "fromBytes: expected the state of a stream, got other bytes",
    });
    expect(refusal(changed(100, 0xee))).toMatchObject({
      name: "ModelFormatError",
      code: "state",
      message: "fromBytes: the state is damaged: its check sum differs",
    });
    for (const [value, got] of [
      [null, "null"],
      [undefined, "undefined"],
      ["RCRS", "string"],
      [[1, 2], "Array"],
      [new ArrayBuffer(8), "ArrayBuffer"],
      [new Int8Array(8), "Int8Array"],
    ] as const) {
      expect(refusal(value as unknown as Uint8Array)).toEqual(
        new TypeError(`fromBytes: bytes: expected Uint8Array, got ${got}`),
      );
    }
  });

  it("another model's: a StateError that names both", async () => {
    const bit = (numbers: { shape: readonly number[]; data: ArrayLike<number> }) => {
      const data = Float64Array.from(numbers.data);
      const words = new BigUint64Array(data.buffer);
      words[words.length - 1] = (words[words.length - 1] as bigint) ^ 1n;
      return { ...numbers, data };
    };
    const [part] = described.recurrent;
    const [head] = described.dense;
    const { input } = described;
    if (part === undefined || head === undefined || input.kind !== "embedding") throw new Error();
    const hidden = (activation: DenseDescription["activation"]): ModelDescription => ({
      ...described,
      dense: [
        { ...head, activation },
        { ...head, name: "second", weight: square(11) },
      ],
    });
    const square = (n: number) => ({ shape: [n, n], data: new Float64Array(n * n).fill(0.1) });
    const others: [string, ModelDescription][] = [
      ["another seed", describedOf(plan, 2)],
      [
        "one bit of the embedding",
        { ...described, input: { ...input, weight: bit(input.weight) } },
      ],
      [
        "one bit of a recurrent weight",
        {
          ...described,
          recurrent: [
            {
              ...part,
              weights: {
                ...part.weights,
                weight_hh_l0: bit(part.weights.weight_hh_l0 as StoredNumbers),
              },
            },
          ],
        },
      ],
      [
        "one bit of the linear layer",
        { ...described, dense: [{ ...head, weight: bit(head.weight) }] },
      ],
      [
        "a bound",
        { ...described, recurrent: [{ ...part, options: { ...part.options, clip: 9 } }] },
      ],
      [
        "a coupled gate",
        { ...described, recurrent: [{ ...part, options: { ...part.options, inputForget: true } }] },
      ],
      ["a hidden relu", hidden("relu")],
      ["a hidden tanh", hidden("tanh")],
      ["a hidden leaky relu", hidden("leakyRelu")],
      ["another slope", hidden({ name: "leakyRelu", alpha: 0.3 })],
    ];
    const hashes = new Set([model.hash]);
    for (const [name, other] of others) {
      const foreign = await loadLanguageModel(engine, other);
      hashes.add(foreign.hash);
      expect(refusal(bytes, foreign), name).toEqual(
        new StateError(
          `fromBytes: the state of another model: expected that of ${foreign.hash}, got ${model.hash}`,
        ),
      );
      foreign.dispose();
    }
    expect(hashes.size).toBe(1 + others.length);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{16}$/);
    const single = await loadLanguageModel(engine, described, { precision: "f32" });
    expect(refusal(bytes, single)).toEqual(
      new StateError(
        `fromBytes: the state of another model: expected that of ${single.hash}, got ${model.hash}`,
      ),
    );
    single.dispose();
  });

  it("what is on top to make probabilities of logits makes no other model", async () => {
    for (const activation of ["identity", "softmax", "logSoftmax"] as const) {
      const dense = described.dense.map((head) => ({ ...head, activation }));
      const same = await loadLanguageModel(engine, { ...described, dense });
      expect(same.hash).toBe(model.hash);
      same.dispose();
    }
  });
});

describe("version 1", () => {
  const file = new URL("../fixtures/state-v1.hex", import.meta.url);

  it("is written as it was: 0 bits of difference", async () => {
    const hex = Buffer.from(bytes).toString("hex").replace(/.{64}/g, "$&\n");
    await expect(`${hex}\n`).toMatchFileSnapshot("../fixtures/state-v1.hex");
  });

  it("is read", () => {
    const stored = Buffer.from(readFileSync(file, "utf8").replace(/\s/g, ""), "hex");
    const stream = model.stream();
    stream.state.fromBytes(stored);
    expect(stream.next()).toEqual(read(model, text).next());
  });

  it("is laid out as its comment says", () => {
    const view = new DataView(bytes.buffer);
    const words = (from: number, to: number) =>
      Buffer.from(bytes.subarray(from, to)).toString("latin1");
    expect(words(0, 4)).toBe("RCRS");
    expect([view.getUint16(4, true), view.getUint16(6, true)]).toEqual([1, 1]);
    expect(words(8, 24)).toBe(model.hash);
    const length = view.getUint32(24, true);
    expect(bytes).toHaveLength(28 + length + 16);
    expect(words(28 + length, bytes.length)).toMatch(/^[0-9a-f]{16}$/);
    expect(model.stream().state.toBytes()[6]).toBe(0);
  });
});
