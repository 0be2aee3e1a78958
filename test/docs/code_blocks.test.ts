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

/** Hours of a load, and a price that follows it. */
const hours = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const t = first + i;
    const load = 50 + 20 * Math.sin(t / 6);
    const time = `${String(t % 24).padStart(2, "0")}:00`;
    return { time, load, price: 10 + 0.4 * load + Math.sin(t / 2) };
  });

/** What the commands of docs/training.md read: a text, a table, and rows that follow it, one of them odd. */
function trainingFiles(): Record<string, Uint8Array> {
  const lines = Array.from(
    { length: 150 },
    (_, i) => `The ${["cat", "dog"][i % 2]} sat on mat ${i % 7}.\n`,
  );
  const table = hours(0, 24 * 17).map(({ time, load, price }) => `${time},${load},${price}\n`);
  const live = hours(24 * 17, 24).map((row, i) =>
    i === 17 ? { ...row, price: row.price + 6 } : row,
  );
  return {
    "text.txt": Buffer.from(lines.join("")),
    "data.csv": Buffer.from(`time,load,price\n${table.join("")}`),
    "live.jsonl": Buffer.from(live.map((row) => `${JSON.stringify(row)}\n`).join("")),
  };
}

/** The commands of a page's ```sh blocks, line by line. */
const commandsOf = (page: string): string[] =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(
    ([, block = ""]) => block.split("\n").filter((line) => line.startsWith("npx recurra ")),
  );

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
    ...trainingFiles(),
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
  const model = files()["model.safetensors"] as Uint8Array;
  // A user types these before the programs below them. Those of other pages have a model of this name, too.
  for (const line of commandsOf("docs/training.md")) {
    const printed = execFileSync("sh", ["-c", line], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(printed, line).not.toBe("");
  }
  writeFileSync(join(folder, "model.safetensors"), model);
}, 120_000);

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

it("docs/training.md: from a model of a CSV file to a live score in at most 15 lines", () => {
  const live = blocks.find(({ program }) => program.includes("live.jsonl"));
  const lines = live?.program.split("\n").filter((line) => line !== "") ?? [];
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length).toBeLessThanOrEqual(15);
});

it("a comment that says something else is noticed", () => {
  expect(agrees('"e"', "e")).toBe(true);
  expect(agrees("2.09…", "2.0931")).toBe(true);
  expect(agrees("[5, 8]: a shape", "[ 5, 8 ]")).toBe(true);
  expect(agrees("2.09…", "2.1931")).toBe(false);
  expect(agrees("[5, 8]", "[ 5, 7 ]")).toBe(false);
  expect(agrees("true", "")).toBe(false);
});
