import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { beforeAll, describe, expect, it } from "vitest";
import { consumer, pack, root } from "../support/project.js";

/** A ```js block of a page, and what its comments say that it prints. */
interface Block {
  readonly name: string;
  readonly program: string;
}

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

const blocks = pages.flatMap((page): Block[] => {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, program = ""], i) => ({
    name: `${page}, block ${i + 1}`,
    program,
  }));
});

const fixture = (path: string): Buffer => readFileSync(join(root, "test/fixtures", path));

/** The model of a case of test/fixtures/onnx. */
const onnx = (file: string, index: number): Buffer =>
  Buffer.from(JSON.parse(fixture(`onnx/${file}`).toString())[index].model, "base64");

/** What PyTorch computed with a model of torch-files, as verifyModel takes it. */
function reference(name: string): Buffer {
  const all = JSON.parse(fixture("torch-files/expected.json").toString());
  const { x, shape, y } = all[name] as { x: number[]; shape: [number, number]; y: number[] };
  const [T, ny] = shape;
  const rows = Array.from({ length: T }, (_, t) => y.slice(t * ny, (t + 1) * ny));
  return Buffer.from(JSON.stringify({ inputs: [x], outputs: [rows] }));
}

/** The files that the blocks read: name → content. */
function files(): Record<string, Uint8Array> {
  const keras = fixture("keras/h5py.keras");
  const parts = unzipSync(keras);
  return {
    "model.safetensors": fixture("torch-files/two.safetensors"),
    "reference.json": reference("two"),
    "model.keras": keras,
    "model.weights.h5": parts["model.weights.h5"] as Uint8Array,
    "config.json": parts["config.json"] as Uint8Array,
    "model.json": fixture("tensorflowjs/lstm/model.json"),
    "group1-shard1of1.bin": fixture("tensorflowjs/lstm/weights.bin"),
    "node.onnx": onnx("nodes.json", 10),
    "model.onnx": onnx("chains.json", 0),
    "silero_vad_v5.onnx": fixture("silero-vad/silero_vad_v5.onnx"),
  };
}

/** Node prints "[ 1, 2 ]" and "{ a: 1 }"; a comment may leave the inner spaces out, and puts a text in quotes. */
const plain = (line: string): string => line.replace(/([[({]) /g, "$1").replace(/ ([\])}])/g, "$1");

/** Whether a comment says what was printed: whole or up to "…"; after a colon it may explain. */
function agrees(comment: string, printed: string): boolean {
  const [wanted, got] = [plain(comment).replace(/^"(.*)"$/, "$1"), plain(printed)];
  if (wanted.includes("…")) return got.startsWith(wanted.slice(0, wanted.indexOf("…")));
  return got !== "" && (wanted === got || wanted.startsWith(`${got}:`));
}

let folder: string;

beforeAll(() => {
  folder = consumer(pack(), {});
  for (const [name, bytes] of Object.entries(files())) writeFileSync(join(folder, name), bytes);
}, 60_000);

const run = (program: string): string[] =>
  execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  })
    .split("\n")
    .slice(0, -1);

describe("a program of the documentation runs in a project that installed the package", () => {
  it.each(blocks)("$name: it prints what its comments say", ({ program }) => {
    const comments = [...program.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(
      ([, comment = ""]) => comment,
    );
    const printed = run(program);
    expect(printed).toHaveLength(comments.length);
    comments.forEach((comment, i) => {
      expect(agrees(comment, printed[i] ?? ""), `"${comment}" for "${printed[i]}"`).toBe(true);
    });
  });

  it("the README has one example, of at most 12 lines", () => {
    const [program = "", ...others] = blocks
      .filter(({ name }) => name.startsWith("README"))
      .map((block) => block.program);
    expect(others).toEqual([]);
    expect(program.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(12);
  });
});

it("a comment that says something else is noticed", () => {
  expect(agrees('"e"', "e")).toBe(true);
  expect(agrees("2.09…", "2.0931")).toBe(true);
  expect(agrees("[5, 8]: a shape", "[ 5, 8 ]")).toBe(true);
  expect(agrees("2.09…", "2.1931")).toBe(false);
  expect(agrees("[5, 8]", "[ 5, 7 ]")).toBe(false);
  expect(agrees("true", "")).toBe(false);
});
