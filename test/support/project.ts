import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

/** The repository, with a slash at its end. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new folder, which is gone when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "recurra-"));
  folders.push(folder);
  return folder;
}

/** Runs npm; gives what it says. */
export function npm(cwd: string, ...args: string[]): { stdout: string; stderr: string } {
  // Without what an enclosing `npm test` puts there: its npm_config_… would steer the inner npm.
  const outer = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const env = Object.fromEntries(outer);
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args.join(" ")}\n${stdout}${stderr}`);
  return { stdout, stderr };
}

export interface Tarball {
  path: string;
  files: string[];
}

/** Packs what is built now. */
export function pack(): Tarball {
  const folder = temporaryFolder();
  const args = ["--json", "--ignore-scripts", "--pack-destination", folder];
  const [packed] = JSON.parse(npm(root, "pack", ...args).stdout);
  const files = packed.files.map(({ path }: { path: string }) => path);
  return { path: join(folder, packed.filename), files };
}

/** A fresh project with the package installed from its tarball, and with the given files. */
export function consumer(tarball: Tarball, files: Record<string, string>): string {
  const folder = temporaryFolder();
  writeFiles(folder, { "package.json": '{ "private": true, "type": "module" }\n', ...files });
  npm(folder, "install", "--offline", "--no-audit", "--no-fund", tarball.path);
  return folder;
}

export function writeFiles(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
