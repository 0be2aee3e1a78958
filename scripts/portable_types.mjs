// Why this exists: since TypeScript 5.7 typed arrays name their buffer, Float64Array<ArrayBuffer>, which 5.4 to 5.6 do not
// know. The type that the array's constructor gives is this one from 5.7 on, and the plain one before.
// Usage: node scripts/portable_types.mjs FOLDER   rewrites the declarations in it
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [folder] = process.argv.slice(2);
for (const name of readdirSync(folder, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const path = join(folder, name);
  const text = readFileSync(path, "utf8");
  const portable = text.replace(/\b(\w+Array)<ArrayBuffer>/g, 'ReturnType<$1Constructor["of"]>');
  if (portable !== text) writeFileSync(path, portable);
}
