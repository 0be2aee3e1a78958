import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Ended, MAIN } from "./job_process.js";

/** A folder of its own whose room a test decides. */
export interface TightDisk {
  /** The folder, as jobs name it. */
  readonly folder: string;
  /** The same folder, as the test reaches it. */
  readonly inside: string;
  /** What a job says when there is no room. */
  readonly complaint: string;
  /** Leaves about so many KiB; without a number as much as there is. */
  leave(kib?: number): Promise<void>;
  /** `recurra-server job …`. */
  run(...words: readonly string[]): Promise<Ended>;
  close(): Promise<void>;
}

async function ended(child: ChildProcess): Promise<Ended> {
  const [stdout, stderr] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, "close"),
  ]);
  return { code: child.exitCode, stdout, stderr };
}

/** Without the right to mount, a user may be root of a namespace of their own. */
const isRoot = process.getuid?.() === 0;
const unshare = [...(isRoot ? [] : ["--map-root-user"]), "--mount"];

/** A small tmpfs, which only processes in its namespace see. */
class SmallDisk implements TightDisk {
  readonly folder: string;
  readonly complaint = "the disk is full";
  readonly #holder: ChildProcess;

  private constructor(folder: string, holder: ChildProcess) {
    this.folder = folder;
    this.#holder = holder;
  }

  static async open(folder: string): Promise<SmallDisk> {
    const script = 'mount -t tmpfs -o size=1m tmpfs "$1" && echo mounted && exec sleep 600';
    const words = [...unshare, "sh", "-c", script, "sh", folder];
    const holder = spawn("unshare", words, { stdio: ["ignore", "pipe", "inherit"] });
    await once(holder.stdout as NodeJS.ReadableStream, "data");
    return new SmallDisk(folder, holder);
  }

  get inside(): string {
    return `/proc/${this.#holder.pid}/root${this.folder}`;
  }

  async leave(kib = Number.POSITIVE_INFINITY): Promise<void> {
    const path = join(this.inside, "filler");
    await rm(path, { force: true });
    const { bavail, bsize } = await statfs(this.inside);
    const blocks = bavail - Math.floor((1024 * kib) / bsize);
    if (blocks <= 0) return;
    const file = await open(path, "w");
    await file.write(Buffer.alloc(blocks * bsize));
    await file.close();
  }

  run(...words: readonly string[]): Promise<Ended> {
    const user = isRoot ? [] : ["--user", "--preserve-credentials"];
    const enter = ["--target", String(this.#holder.pid), "--mount", ...user];
    return ended(spawn("nsenter", [...enter, process.execPath, MAIN, "job", ...words]));
  }

  async close(): Promise<void> {
    this.#holder.kill("SIGKILL");
    await once(this.#holder, "exit");
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A folder in which no file grows over a limit: the error comes from the same call, write(2). */
class LimitedFiles implements TightDisk {
  readonly folder: string;
  readonly inside: string;
  readonly complaint = "the file is larger than the limit of the system";
  #blocks = "unlimited";

  constructor(folder: string) {
    this.folder = folder;
    this.inside = folder;
  }

  async leave(kib?: number): Promise<void> {
    this.#blocks = kib === undefined ? "unlimited" : String(kib);
  }

  run(...words: readonly string[]): Promise<Ended> {
    // A process that ignores the signal gets EFBIG.
    const script = `trap '' XFSZ; ulimit -f ${this.#blocks}; exec "$@"`;
    const all = ["-c", script, "bash", process.execPath, MAIN, "job", ...words];
    return ended(spawn("bash", all));
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

const canMount =
  spawnSync("unshare", [...unshare, "sh", "-c", "mount -t tmpfs tmpfs /tmp && nsenter --version"])
    .status === 0;

/** What `tightDisk` opens here. */
export const DISK = canMount ? "a full tmpfs" : "a limit of file sizes, as nobody may mount here";

export async function tightDisk(): Promise<TightDisk> {
  const folder = join(tmpdir(), `recurra-disk-${crypto.randomUUID()}`);
  await mkdir(folder);
  return canMount ? SmallDisk.open(folder) : new LimitedFiles(folder);
}
