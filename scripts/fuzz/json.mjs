import { INTEGERS } from "./random.mjs";

const STRINGS = [
  "",
  "0",
  "lstm",
  "tanh",
  "__proto__",
  "constructor",
  "\u0000",
  "é",
  "\ud83d\ude00",
];

/** Every place in a tree: the object or list that holds a value, and its key. */
function placesOf(tree) {
  const places = [];
  const waiting = [tree];
  for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
    for (const key of Object.keys(holder)) {
      places.push([holder, key]);
      const value = holder[key];
      if (typeof value === "object" && value !== null) waiting.push(value);
    }
  }
  return places;
}

function nested(depth) {
  let value = [];
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** A value that a field may not expect. */
function oddValue(random, tree) {
  const [holder, key] = random.pick(placesOf(tree));
  return random.pick([
    () => null,
    () => random.chance(0.5),
    () => random.pick(INTEGERS),
    () => random.next() * 100,
    () => random.pick(STRINGS),
    () => "n".repeat(random.pick([1, 513, 10_000])),
    () => [],
    () => ({}),
    () => nested(random.pick([3, 3000])),
    // Something that stands elsewhere, copied: no circles.
    () => structuredClone(holder[key]),
  ])();
}

/** Changes a tree of JSON in one to four places; gives a copy. */
export function mutateJson(random, source) {
  const tree = structuredClone(source);
  for (let i = 1 + random.below(4); i > 0; i--) {
    const places = placesOf(tree);
    if (places.length === 0) return tree;
    const [holder, key] = random.pick(places);
    const value = holder[key];
    const kind = random.below(6);
    if (kind === 0 && Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (kind === 0) delete holder[key];
    else if (kind === 1 && Array.isArray(value) && value.length > 0) {
      const copies = random.pick([1, 2, 20]);
      for (let k = 0; k < copies; k++) value.push(structuredClone(random.pick(value)));
    } else if (kind === 2 && typeof value === "number") {
      holder[key] = random.pick([value + 1, value - 1, value * 2, -value, value + 0.5]);
    } else if (kind === 3 && typeof value === "string") {
      const at = random.below(value.length + 1);
      holder[key] = value.slice(0, at) + random.pick(STRINGS) + value.slice(at + random.below(2));
    } else if (kind === 4 && !Array.isArray(holder)) {
      holder[random.pick([...Object.keys(holder), ...STRINGS])] = oddValue(random, tree);
    } else holder[key] = oddValue(random, tree);
  }
  return tree;
}

/** Changes a text of JSON without regard to its form. */
export function mutateText(random, text) {
  const at = random.below(text.length + 1);
  const by = random.pick([
    "",
    "0",
    "-",
    '"',
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "null",
    "1e9",
    "\\",
    "\\ud800",
    " ",
  ]);
  return text.slice(0, at) + by + text.slice(at + random.below(4));
}
