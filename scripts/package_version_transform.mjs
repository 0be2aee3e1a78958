// Why this exists: the package's version is written in package.json alone. This gives it to AssemblyScript as three
// integers, as `--use RECURRA_VERSION_MAJOR=…` would (a define can be an integer only), beside asc's own ASC_VERSION_*.
import { readFileSync } from "node:fs";
import { Transform } from "assemblyscript/transform";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

// asc asks for a default export.
export default class PackageVersionTransform extends Transform {
  afterParse() {
    const { options } = this.program;
    const [major, minor, patch] = version.split(/[.+-]/);
    options.globalAliases ??= new Map();
    options.globalAliases.set("RECURRA_VERSION_MAJOR", major);
    options.globalAliases.set("RECURRA_VERSION_MINOR", minor);
    options.globalAliases.set("RECURRA_VERSION_PATCH", patch);
  }
}
