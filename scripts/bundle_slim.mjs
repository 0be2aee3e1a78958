// Why this exists: `recurra/slim` is `recurra` without the kernels inside. The rooms above the engine are built once more
// for it, over empty modules in place of those of build/embedded; the engine, the tensors, the errors and the readers are the
// very ones of the other entries, so that an engine of `recurra/slim` serves `recurra/onnx`, too.
import { readFileSync } from "node:fs";

const SLIM = "?slim";
/** What embeds kernels, and whatever imports that. */
const EMBEDDING =
  /\/src\/(index\.ts|(cells\/(backward|kernels)|wasm\/kernel_sets)\.ts|(sequence|functional|layers|model|train)\/)/;
const EMBEDDED = /\/build\/embedded\/((sets\/\w+)|fusions)\.js$/;

const posix = (id) => id.replaceAll("\\", "/");

/** The plugin. */
export const slimVariant = {
  name: "slim-variant",
  async resolveId(source, importer, options) {
    if (importer === undefined || !/(\?slim|\/src\/slim\.ts)$/.test(posix(importer)))
      return undefined;
    const from = importer.replace(SLIM, "");
    const found = await this.resolve(source, from, { ...options, skipSelf: true });
    if (found === null || found.external) return found;
    const id = posix(found.id);
    return EMBEDDING.test(id) || EMBEDDED.test(id) ? `${found.id}${SLIM}` : found;
  },
  load(id) {
    if (!id.endsWith(SLIM)) return undefined;
    const path = id.slice(0, -SLIM.length);
    const code = readFileSync(path, "utf8");
    const isEmbedded = EMBEDDED.test(posix(path));
    return isEmbedded ? { code: code.replace(/"[^"]*"/g, '""') } : { code, moduleType: "ts" };
  },
};
