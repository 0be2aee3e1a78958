import { readFileSync } from "node:fs";
import { createEngine, type LanguageModel, loadLanguageModel } from "recurra";
import { beforeAll, describe, expect, it } from "vitest";
import type { Server } from "../src/index.js";
import { ENGLISH, post, server } from "./support/server.js";

// The Open Inference Protocol, version 2, sentence by sentence as its text has them, and Triton's extensions for binary
// tensors and sequences.

let one: Server;
let model: LanguageModel;

beforeAll(async () => {
  one = await server();
  model = await loadLanguageModel(await createEngine(), readFileSync(ENGLISH));
});

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly data: number[];
  readonly parameters?: { readonly binary_data_size: number };
}
interface Answer {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly outputs: Output[];
}

const get = async (path: string) => {
  const response = await fetch(`${one.url}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const infer = async (body: object, path = "/v2/models/english/infer") => {
  const response = await post(`${one.url}${path}`, body);
  return {
    status: response.status,
    body: (await response.json()) as Answer & { error: string; code: string },
  };
};
const text = (...data: string[]) => ({
  name: "text",
  datatype: "BYTES",
  shape: [data.length],
  data,
});

describe("the server and its models", () => {
  it("live and ready are 200", async () => {
    expect(await get("/v2/health/live")).toEqual({ status: 200, body: { live: true } });
    expect(await get("/v2/health/ready")).toEqual({
      status: 200,
      body: { ready: true, status: "ok", store: "memory" },
    });
    expect((await get("/v2/health/ready?require=store")).status).toBe(200);
  });

  it("the server's metadata are name, version, extensions", async () => {
    const { status, body } = await get("/v2");
    expect(status).toBe(200);
    expect(body).toEqual({
      name: "recurra-server",
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      extensions: ["binary_tensor_data", "sequence"],
    });
  });

  it.each(["/v2/models/english", "/v2/models/english/versions/1"])(
    "%s: name, versions, platform, inputs, outputs",
    async (path) => {
      const { status, body } = await get(path);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        name: "english",
        versions: ["1"],
        platform: "recurra_language",
      });
      for (const tensors of [body.inputs, body.outputs] as Output[][]) {
        expect(tensors.length).toBeGreaterThan(0);
        for (const { name, datatype, shape } of tensors) {
          expect([typeof name, typeof datatype, Array.isArray(shape)]).toEqual([
            "string",
            "string",
            true,
          ]);
        }
      }
    },
  );

  it.each(["/v2/models/english/ready", "/v2/models/english/versions/1/ready"])(
    "%s is 200",
    async (path) => {
      expect(await get(path)).toEqual({ status: 200, body: { name: "english", ready: true } });
    },
  );

  it.each([
    "/v2/models/none",
    "/v2/models/none/ready",
    "/v2/models/english/versions/7",
    "/v2/models/english/versions/7/ready",
  ])("%s is 404, with the protocol's error", async (path) => {
    const { status, body } = await get(path);
    expect([status, body.code, typeof body.error]).toEqual([404, "model-not-found", "string"]);
  });
});

describe("inference, JSON", () => {
  it("answers with the model, its version, the request's id, and the usual output", async () => {
    const { status, body } = await infer({
      id: "a-1",
      inputs: [text("The ship came home.", "ab")],
    });
    expect(status).toBe(200);
    const wanted = model.scoreSync(["The ship came home.", "ab"]).map(({ logProb }) => logProb);
    expect(body).toEqual({
      model_name: "english",
      model_version: "1",
      id: "a-1",
      outputs: [{ name: "log_prob", datatype: "FP64", shape: [2], data: wanted }],
    });
  });

  it("gives the outputs that are named, in their order", async () => {
    const outputs = [{ name: "token_counts" }, { name: "token_log_probs" }];
    const { body } = await infer({ inputs: [text("abc", "")], outputs });
    const [abc] = model.scoreSync(["abc"]);
    expect(body.outputs).toEqual([
      { name: "token_counts", datatype: "INT64", shape: [2], data: [abc?.tokens, 0] },
      {
        name: "token_log_probs",
        datatype: "FP64",
        shape: [abc?.tokens],
        data: [...(abc?.tokenLogProbs ?? [])],
      },
    ]);
  });

  it("takes ids as (T), as (n, T), nested or flat, and with lengths", async () => {
    const ids = [3, 7, 11, 2, 9, 4];
    const score = (list: number[]) => model.scoreSync([list])[0]?.logProb;
    const tokens = (shape: number[], data: unknown) => ({
      name: "tokens",
      datatype: "INT64",
      shape,
      data,
    });
    const of = async (...inputs: object[]) => (await infer({ inputs })).body.outputs[0]?.data;
    expect(await of(tokens([6], ids))).toEqual([score(ids)]);
    const halves = [score(ids.slice(0, 3)), score(ids.slice(3))];
    expect(await of(tokens([2, 3], ids))).toEqual(halves);
    expect(await of(tokens([2, 3], [ids.slice(0, 3), ids.slice(3)]))).toEqual(halves);
    const lengths = { name: "lengths", datatype: "INT64", shape: [2], data: [2, 3] };
    expect(await of(tokens([2, 3], ids), lengths)).toEqual([score(ids.slice(0, 2)), halves[1]]);
  });

  it.each([
    ["no inputs", { inputs: [] }, "invalid-request"],
    [
      "an unknown input",
      { inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1] }] },
      "invalid-tensor",
    ],
    ["an input twice", { inputs: [text("a"), text("b")] }, "invalid-tensor"],
    [
      "a shape that the data do not have",
      { inputs: [{ ...text("a"), shape: [2] }] },
      "invalid-tensor",
    ],
    ["a negative extent", { inputs: [{ ...text("a"), shape: [-1] }] }, "invalid-request"],
    ["an unknown datatype", { inputs: [{ ...text("a"), datatype: "FP7" }] }, "invalid-request"],
    [
      "a wrong datatype",
      { inputs: [{ name: "text", datatype: "INT64", shape: [1], data: [1] }] },
      "invalid-tensor",
    ],
    [
      "null in the place of a number",
      { inputs: [{ name: "tokens", datatype: "INT64", shape: [1], data: [null] }] },
      "invalid-tensor",
    ],
    [
      "a fraction in the place of an integer",
      { inputs: [{ name: "tokens", datatype: "INT64", shape: [1], data: [1.5] }] },
      "invalid-tensor",
    ],
    [
      "an id that the model does not have",
      { inputs: [{ name: "tokens", datatype: "INT64", shape: [2], data: [1, 999] }] },
      "invalid-sequence",
    ],
    ["an unknown output", { inputs: [text("a")], outputs: [{ name: "nope" }] }, "invalid-request"],
    ["no data", { inputs: [{ name: "text", datatype: "BYTES", shape: [1] }] }, "invalid-tensor"],
  ])("%s: 400 %s", async (_, body, code) => {
    const answer = await infer(body);
    expect([answer.status, answer.body.code, typeof answer.body.error]).toEqual([
      400,
      code,
      "string",
    ]);
  });
});

/** A request with bytes after its JSON. */
async function inferBinary(head: object, bytes: Buffer, length?: string) {
  const json = Buffer.from(JSON.stringify(head));
  const response = await fetch(`${one.url}/v2/models/english/infer`, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "Inference-Header-Content-Length": length ?? String(json.length),
    },
    body: Buffer.concat([json, bytes]),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const end = Number(response.headers.get("inference-header-content-length") ?? body.length);
  return {
    status: response.status,
    head: JSON.parse(body.toString("utf8", 0, end)),
    bytes: body.subarray(end),
  };
}

/** Texts of BYTES: each after its length. */
const packed = (...texts: string[]): Buffer =>
  Buffer.concat(
    texts.flatMap((each) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(each));
      return [length, Buffer.from(each)];
    }),
  );
const binary = (name: string, datatype: string, shape: number[], bytes: Buffer) => ({
  name,
  datatype,
  shape,
  parameters: { binary_data_size: bytes.length },
});

describe("inference, binary tensors", () => {
  it("takes BYTES and INT64, and answers in JSON unless asked", async () => {
    const texts = packed("The ship", "came home");
    const wanted = model.scoreSync(["The ship", "came home"]).map(({ logProb }) => logProb);
    const first = await inferBinary({ inputs: [binary("text", "BYTES", [2], texts)] }, texts);
    expect([first.status, first.head.outputs[0].data]).toEqual([200, wanted]);
    const ids = Buffer.alloc(16);
    ids.writeBigInt64LE(3n, 0);
    ids.writeBigInt64LE(5n, 8);
    const second = await inferBinary({ inputs: [binary("tokens", "INT64", [2], ids)] }, ids);
    expect(second.head.outputs[0].data).toEqual([model.scoreSync([[3, 5]])[0]?.logProb]);
  });

  it.each([
    ["binary_data_output of the request", { parameters: { binary_data_output: true } }],
    [
      "binary_data of the output",
      { outputs: [{ name: "log_prob", parameters: { binary_data: true } }] },
    ],
  ])("%s: the output is bytes after the JSON", async (_, more) => {
    const texts = packed("The ship came home.");
    const { head, bytes } = await inferBinary(
      { inputs: [binary("text", "BYTES", [1], texts)], ...more },
      texts,
    );
    expect(head.outputs).toEqual([
      { name: "log_prob", datatype: "FP64", shape: [1], parameters: { binary_data_size: 8 } },
    ]);
    expect(bytes.readDoubleLE(0)).toBe(model.scoreSync(["The ship came home."])[0]?.logProb);
  });

  it("answers a request in JSON with bytes, if that is asked for", async () => {
    const response = await post(`${one.url}/v2/models/english/infer`, {
      inputs: [text("ab")],
      parameters: { binary_data_output: true },
    });
    const body = Buffer.from(await response.arrayBuffer());
    const end = Number(response.headers.get("inference-header-content-length"));
    expect(body.readDoubleLE(end)).toBe(model.scoreSync(["ab"])[0]?.logProb);
  });

  it.each([
    ["a length of the JSON that is no number", "x"],
    ["a length of the JSON beyond the body", "100000"],
    ["a length in the middle of the JSON", "10"],
  ])("%s: 400", async (_, length) => {
    const texts = packed("ab");
    expect(
      (await inferBinary({ inputs: [binary("text", "BYTES", [1], texts)] }, texts, length)).status,
    ).toBe(400);
  });

  it.each([
    [
      "fewer bytes than binary_data_size",
      { name: "text", datatype: "BYTES", shape: [1], parameters: { binary_data_size: 999 } },
    ],
    [
      "more bytes than all inputs",
      { name: "text", datatype: "BYTES", shape: [1], parameters: { binary_data_size: 2 } },
    ],
    [
      "bytes that the shape does not have",
      { name: "tokens", datatype: "INT64", shape: [3], parameters: { binary_data_size: 6 } },
    ],
    [
      "a size that is no integer",
      { name: "text", datatype: "BYTES", shape: [1], parameters: { binary_data_size: -6 } },
    ],
  ])("%s: 400 invalid-tensor", async (_, input) => {
    const { status, head } = await inferBinary({ inputs: [input] }, packed("ab"));
    expect([status, head.code]).toEqual([400, "invalid-tensor"]);
  });
});

describe("inference in a sequence", () => {
  const step = (parameters: object, ...words: string[]) =>
    infer({ parameters, inputs: [text(...words)], outputs: [{ name: "token_log_probs" }] });
  const wanted = (whole: string): number[] => {
    const stream = model.stream();
    return [...whole].map((character) => stream.push(character));
  };

  it("keeps the state from sequence_start to sequence_end", async () => {
    const parts = [
      await step({ sequence_id: 42, sequence_start: true }, "The "),
      await step({ sequence_id: 42 }, "ship "),
      await step({ sequence_id: 42, sequence_end: true }, "came."),
    ];
    expect(parts.flatMap(({ body }) => body.outputs[0]?.data)).toEqual(wanted("The ship came."));
    const { status, body } = await step({ sequence_id: 42 }, "x");
    expect([status, body.code]).toEqual([400, "invalid-request"]);
  });

  it("keeps sequences apart: numbers, texts, and two at a time", async () => {
    await step({ sequence_id: 1, sequence_start: true }, "one");
    await step({ sequence_id: "1", sequence_start: true }, "two");
    const numbers = await step({ sequence_id: 1, sequence_end: true }, "x");
    const texts = await step({ sequence_id: "1", sequence_end: true }, "x");
    expect(numbers.body.outputs[0]?.data).toEqual(wanted("onex").slice(3));
    expect(texts.body.outputs[0]?.data).toEqual(wanted("twox").slice(3));
  });

  it("begins anew at sequence_start", async () => {
    await step({ sequence_id: 7, sequence_start: true }, "something");
    const { body } = await step({ sequence_id: 7, sequence_start: true, sequence_end: true }, "ab");
    expect(body.outputs[0]?.data).toEqual(wanted("ab"));
  });

  it("sequence_id 0 is no sequence", async () => {
    const { body } = await step({ sequence_id: 0 }, "ab");
    expect(body.outputs[0]?.data).toEqual([...(model.scoreSync(["ab"])[0]?.tokenLogProbs ?? [])]);
  });

  it.each([
    ["a start without an id", { sequence_start: true }],
    ["a negative id", { sequence_id: -1, sequence_start: true }],
    ["a start that is no boolean", { sequence_id: 5, sequence_start: 1 }],
  ])("%s: 400", async (_, parameters) => {
    expect((await step(parameters, "a")).status).toBe(400);
  });

  it("two texts in one request of a sequence: 400, and nothing was read", async () => {
    await step({ sequence_id: 9, sequence_start: true }, "a");
    expect((await step({ sequence_id: 9 }, "b", "c")).status).toBe(400);
    const { body } = await step({ sequence_id: 9, sequence_end: true }, "d");
    expect(body.outputs[0]?.data).toEqual(wanted("ad").slice(1));
  });
});
