// Why this exists: a wasm file is a target of asconfig.json, an entry file and transforms; asc 0.28 does not find a
// transform that asconfig.json names. Usage: node scripts/compile.mjs TARGET [FOLDER]; the folder is build/ by default.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const KERNELS = { entry: "index", transforms: ["number_types"] };
const TARGETS = {
  debug: { ...KERNELS, name: "kernels.debug" },
  release: { ...KERNELS, name: "kernels" },
  relaxed: { ...KERNELS, name: "kernels.relaxed" },
  graph: { name: "graph", entry: "graph", transforms: [] },
  train: { name: "train", entry: "train", transforms: [] },
  arrays: { name: "arrays", entry: "arrays", transforms: ["as_bind", "package_version"] },
};

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const [target, folder = "build"] = process.argv.slice(2);
const { name, entry, transforms } = TARGETS[target];
const { error, stderr } = await asc.main([
  ...[`assembly/${entry}.ts`, "--target", target],
  ...["--outFile", join(folder, `${name}.wasm`), "--textFile", join(folder, `${name}.wat`)],
  ...transforms.flatMap((each) => ["--transform", `./scripts/${each}_transform.mjs`]),
]);
process.stderr.write(stderr.toString());
process.exitCode = error === null ? 0 : 1;
