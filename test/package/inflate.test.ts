import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { type InflateOptions, inflateSync } from "fflate";
import { describe, expect, it } from "vitest";
import { root } from "../support/project.js";

type Inflate = (data: Uint8Array, options: InflateOptions) => Uint8Array;

/** fflate as the package bundles it (scripts/bundle_binders.mjs). */
async function bundled(): Promise<Inflate> {
  const { mendBinders } = await import(`${root}scripts/bundle_binders.mjs`);
  const path = `${root}node_modules/fflate/esm/browser.js`;
  const { code } = mendBinders.transform(readFileSync(path, "utf8"), path);
  const { inflateSync } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return inflateSync;
}

/** The bytes, or undefined where the function throws. */
function attempt(inflate: Inflate, data: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return inflate(data, { out: new Uint8Array(size) });
  } catch {
    return undefined;
  }
}

describe("the inflater that is bundled", () => {
  it("gives what fflate gives: 600 streams of all kinds, a third of them damaged, a fifth cut, room for ±1 byte", async () => {
    const mended = await bundled();
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    let [inflated, refused] = [0, 0];
    for (let i = 0; i < 600; i++) {
      const letters = 1 + random(255);
      const raw = Uint8Array.from({ length: random(i % 10 === 0 ? 20_000 : 500) }, () =>
        random(letters),
      );
      let data = new Uint8Array(deflateRawSync(raw, { level: random(10), strategy: random(5) }));
      if (i % 3 === 0) data[random(data.length)] = random(256);
      if (i % 5 === 0) data = data.subarray(0, random(data.length));
      const size = raw.length + (i % 4);
      const wanted = attempt(inflateSync, data, size);
      expect(attempt(mended, data, size), `stream ${i}`).toEqual(wanted);
      if (wanted === undefined) refused++;
      else inflated++;
    }
    expect(inflated).toBeGreaterThan(300);
    expect(refused).toBeGreaterThan(100);
  });
});
