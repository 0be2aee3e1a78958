// Why this exists: a figure for held-out text says little on its own. This computes what an n-gram model of characters gets on
// the same lines: interpolated Kneser-Ney (Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling",
// 1998, equations 3.2 and 4.x), with one discount for each order, or with three (--modified).
// Usage: node scripts/kneser_ney.mjs TEXT [--validation SHARE] [--order N] [--modified]
// Lines are scored on their own, their ends included, as `recurra train` scores them.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

/** Stands before each line. It is never predicted. */
const START = "\u0002";
/** Stands for characters that the training lines do not have. */
const UNKNOWN = "\ufffd";

const add = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

/**
 * How often each n-gram counts, n = 1 … order: as often as it occurs, if n is the order or it begins a line, where nothing
 * can stand before it; otherwise once for each character that stands before it somewhere.
 */
function countsOf(lines, order) {
  const counts = Array.from({ length: order + 1 }, () => new Map());
  for (const line of lines) {
    const units = [START, ...line];
    for (let end = 1; end < units.length; end++) {
      const first = Math.max(0, end + 1 - order);
      add(counts[end + 1 - first], units.slice(first, end + 1).join(""));
    }
  }
  for (let n = order - 1; n >= 1; n--) {
    for (const key of counts[n + 1].keys()) add(counts[n], [...key].slice(1).join(""));
  }
  return counts;
}

/** Discounts for counts of 1, 2, and 3 or more, from how many n-grams count 1, 2, 3 and 4. */
function discountsOf(counts, modified) {
  const [, n1, n2, n3, n4] = [0, 1, 2, 3, 4].map(
    (k) => [...counts.values()].filter((count) => count === k).length,
  );
  const y = n1 + 2 * n2 === 0 ? 0.5 : n1 / (n1 + 2 * n2);
  if (!modified || n1 * n2 * n3 * n4 === 0) return [y, y, y];
  return [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3];
}

/**
 * An interpolated Kneser-Ney model of characters.
 *
 * @param {readonly string[]} lines
 * @param {{ order?: number, modified?: boolean }} options
 * @returns {{ size: number, probability: (character: string, before: string) => number }} the number of different characters,
 *   the unknown one included; and the probability of a character after the characters of its line
 */
export function kneserNey(lines, { order = 5, modified = false } = {}) {
  const counts = countsOf(lines, order);
  const known = new Set(counts[1].keys());
  const size = known.size + (known.has(UNKNOWN) ? 0 : 1);
  /** Of each context, by its length: the sum of its counts, and how much of it the discounts take. */
  const contexts = counts.map(() => new Map());
  const discounts = counts.map((each) => discountsOf(each, modified));
  counts.forEach((each, n) => {
    for (const [key, count] of each) {
      const before = [...key].slice(0, -1).join("");
      const found = contexts[n].get(before) ?? { sum: 0, taken: 0 };
      found.sum += count;
      found.taken += Math.min(count, discounts[n][Math.min(count, 3) - 1]);
      contexts[n].set(before, found);
    }
  });
  function interpolated(character, before, n) {
    if (n === 0) return 1 / size;
    const lower = interpolated(character, before.slice(1), n - 1);
    const context = contexts[n].get(before.join(""));
    if (context === undefined) return lower;
    const count = counts[n].get(before.join("") + character) ?? 0;
    const kept = count === 0 ? 0 : Math.max(0, count - discounts[n][Math.min(count, 3) - 1]);
    return (kept + context.taken * lower) / context.sum;
  }
  return {
    size,
    probability(character, before) {
      const context = order === 1 ? [] : [START, ...before].slice(1 - order);
      return interpolated(known.has(character) ? character : UNKNOWN, context, context.length + 1);
    },
  };
}

/** Bits of each character of lines, in the mean, and their number. */
export function bitsPerCharacter({ probability }, lines, order = 5) {
  let [bits, characters] = [0, 0];
  for (const line of lines) {
    const units = [...line];
    // One more than the context needs: it hides the start of the line.
    units.forEach((character, i) => {
      bits -= Math.log2(probability(character, units.slice(Math.max(0, i - order), i)));
    });
    characters += units.length;
  }
  return { bits: bits / characters, characters };
}

const linesOf = (text) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      validation: { type: "string", default: "0.1" },
      order: { type: "string", default: "5" },
      modified: { type: "boolean", default: false },
    },
  });
  const text = readFileSync(positionals[0], "utf8");
  const order = Number(values.order);
  // As `recurra train` cuts it: after the last line's end before the share.
  const cut = text.lastIndexOf("\n", Math.floor(text.length * (1 - Number(values.validation)))) + 1;
  const model = kneserNey(linesOf(text.slice(0, cut)), { order, modified: values.modified });
  const { bits, characters } = bitsPerCharacter(model, linesOf(text.slice(cut)), order);
  const kind = values.modified ? "modified" : "interpolated";
  console.log(
    `${kind} Kneser-Ney, order ${order}: ${bits.toFixed(3)} bits per character of ${characters.toLocaleString("en")}`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
