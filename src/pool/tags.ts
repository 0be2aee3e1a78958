import type { Tagged } from "../model/tagger_content.js";
import type { CallKind } from "./call_setup.js";
import type { PostedSequence, TaggerFacts, TagsReply } from "./protocol.js";
import { toWire, type WireError } from "./wire_error.js";

// The tags of a message travel as one array of numbers and one of classes; nothing for a sequence that has an error.

/** The rows of a sequence that has an error. */
const FAILED = -1;

/** Results as they are posted. */
export function packTags(id: number, results: readonly (Tagged | Error)[]): TagsReply {
  const lengths = Int32Array.from(results, (each) =>
    each instanceof Error ? FAILED : each.classes.length,
  );
  const tagged = results.filter((each): each is Tagged => !(each instanceof Error));
  const size = tagged.reduce((sum, { values }) => sum + values.data.length, 0);
  const rows = tagged.reduce((sum, { classes }) => sum + classes.length, 0);
  const [numbers, classes] = [new Float64Array(size), new Int32Array(rows)];
  let [at, row] = [0, 0];
  for (const each of tagged) {
    numbers.set(each.values.data, at);
    classes.set(each.classes, row);
    at += each.values.data.length;
    row += each.classes.length;
  }
  const errors = results.filter((each) => each instanceof Error).map((each) => toWire(each));
  return { kind: "tags", id, numbers, classes, lengths, errors };
}

/** The results of a reply, in order. */
export function* unpackTags(
  { numbers, classes, lengths, errors }: TagsReply,
  {
    outputSize: ny,
    classes: names,
  }: { outputSize: number; classes: readonly string[] | undefined },
): Generator<Tagged | WireError> {
  let row = 0;
  let failed = 0;
  for (const length of lengths) {
    if (length === FAILED) {
      yield errors[failed++] as WireError;
      continue;
    }
    // Copies: a caller who keeps one result does not keep those of the whole message.
    const data = numbers.slice(row * ny, (row + length) * ny);
    const own = classes.slice(row, row + length);
    row += length;
    const tagged: Tagged = { values: { shape: [length, ny], data }, classes: own };
    if (names === undefined) yield tagged;
    else yield { ...tagged, labels: Array.from(own, (id) => names[id] ?? "") };
  }
}

/** Tags of a tagger. */
export const tagsOf = (facts: TaggerFacts): CallKind<Tagged> => ({
  method: "tag",
  batch: "sequences",
  message: (id, given) => {
    return { kind: "score", id, sequences: given as readonly PostedSequence[], from: undefined };
  },
  unpack: (reply) => (reply.kind === "tags" ? unpackTags(reply, facts) : undefined),
});
