import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "recurra/safetensors";
import { beforeAll, describe, expect, it } from "vitest";
import { FileTokenizer } from "../../src/cli/tokenizer.js";
import { recurra } from "../support/command.js";
import { temporaryFolder } from "../support/project.js";
import { SMALL, TEXT } from "./training.js";

const folder = temporaryFolder();

/** A byte-level byte-pair tokenizer as Hugging Face writes it: letters, and merges by hand. Ġ is a space, Ċ a line's end. */
const letters = [..."abdefghilmnorstyĠĊwc"];
const merges = ["t h", "th e", "c a", "ca t", "Ġ s", "Ġs a", "Ġsa t", "Ġ th", "Ġth e", "n d"];
const tokens = [...letters, ...merges.map((pair) => pair.replace(" ", ""))];
const file = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges,
  },
};

beforeAll(() => {
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(file, null, 1));
  writeFileSync(join(folder, "text.txt"), TEXT);
});

describe("a tokenizer.json", () => {
  it("encodes by its merges, computed by hand, and decodes without loss", async () => {
    const tokenizer = await FileTokenizer.open(join(folder, "tokenizer.json"));
    expect(tokenizer.size).toBe(30);
    const ids = tokenizer.encode("the cat sat\n");
    expect(ids.map((id) => tokens[id])).toEqual(["the", "Ġ", "cat", "Ġsat", "Ċ"]);
    expect(tokenizer.decode(ids)).toBe("the cat sat\n");
  });

  it("recurra train --tokenizer keeps it in the model, and score reads it there", () => {
    const args = ["train", "text.txt", "--out", "m.safetensors", "--tokenizer", "tokenizer.json"];
    const { status, stdout, stderr } = recurra([...args, "--steps", "20", ...SMALL], "", folder);
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("tokens to learn from, 30 different ones"),
    ]);
    expect(stdout).toMatch(/bits per character, \d\.\d{3} bits per token/);
    const { metadata } = readSafetensors(readFileSync(join(folder, "m.safetensors")));
    expect(JSON.parse(metadata.get("tokenizer.json") ?? "")).toEqual(file);
    const scored = recurra(["score", "--json", "-m", "m.safetensors"], "the cat sat\n", folder);
    expect(scored.stderr).toBe("");
    expect(JSON.parse(scored.stdout).tokens).toBe(3);
  });
});
