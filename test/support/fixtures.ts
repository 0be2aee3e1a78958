import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Every JSON file of a folder of test/fixtures, by name. */
export function fixtures<T>(folder: string): { name: string; content: T }[] {
  const path = fileURLToPath(new URL(`../fixtures/${folder}`, import.meta.url));
  return readdirSync(path)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({
      name: file.slice(0, -".json".length),
      content: JSON.parse(readFileSync(`${path}/${file}`, "utf8")) as T,
    }));
}
