// Why this exists: a wasm file is a target of asconfig.json, an entry file and transforms; asc 0.28 does not find a
// transform that asconfig.json names. Usage: node scripts/compile.mjs TARGET [FOLDER]; the folder is build/ by default.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { SETS } from "./compile_sets.mjs";

const KERNELS = { entry: "index", transforms: ["number_types"], f64Only: "training_f32" };
const TARGETS = {
  debug: { ...KERNELS, name: "kernels.debug" },
  release: { ...KERNELS, name: "kernels" },
  relaxed: { ...KERNELS, name: "kernels.relaxed" },
  graph: { name: "graph", entry: "graph", transforms: [] },
  train: { name: "train", entry: "train", numberType: "f64", transforms: ["number_types"] },
  arrays: { name: "arrays", entry: "arrays", transforms: ["as_bind", "package_version"] },
};

/** What is compiled: the file of a target, or every set of kernels, which takes less time in one process. */
function jobs(target) {
  if (!target.endsWith("set")) return [TARGETS[target]];
  return SETS.map(({ name, entry, numberType }) => ({
    name: `sets/${name}${target === "set" ? "" : ".fused"}`,
    entry: `sets/${entry}`,
    numberType,
    transforms: ["number_types"],
  }));
}

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const [target, folder = "build"] = process.argv.slice(2);
for (const { name, entry, numberType, f64Only, transforms } of jobs(target)) {
  if (f64Only !== undefined) process.env.F64_ONLY = f64Only;
  if (numberType !== undefined) process.env.NUMBER_TYPE = numberType;
  const { error, stderr } = await asc.main([
    ...[`assembly/${entry}.ts`, "--target", target],
    ...["--outFile", join(folder, `${name}.wasm`), "--textFile", join(folder, `${name}.wat`)],
    ...transforms.flatMap((each) => ["--transform", `./scripts/${each}_transform.mjs`]),
  ]);
  process.stderr.write(stderr.toString());
  if (error !== null) process.exitCode = 1;
}
