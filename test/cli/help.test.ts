import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { recurra } from "../support/command.js";
import { root } from "../support/project.js";

describe("help", () => {
  it("--version is package.json's", () => {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
    for (const flag of ["--version", "-V"]) {
      expect(recurra([flag])).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
    }
  });

  it.each([
    ["--help"],
    ["score", "--help"],
    ["generate", "--help"],
    ["inspect", "-h"],
    ["help", "convert"],
    ["verify", "--help"],
    ["train", "--help"],
    ["report", "--help"],
  ])("%s %s: usage, options and examples, exit 0", (...args) => {
    const { status, stdout, stderr } = recurra(args);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatchSnapshot();
  });

  it("every example of the help names commands and options that exist", () => {
    const helps = ["score", "generate", "inspect", "convert", "verify", "train", "report"].map(
      (name) => recurra([name, "--help"]).stdout,
    );
    const known = new Set(helps.flatMap((text) => text.match(/--[a-z-]+/g) ?? []));
    const examples = [recurra(["--help"]).stdout, ...helps].flatMap((text) =>
      text
        .slice(text.indexOf("Examples:"))
        .split("\n")
        .filter((line) => line.includes("recurra ")),
    );
    expect(examples.length).toBeGreaterThan(10);
    for (const example of examples) {
      expect(example).toMatch(/recurra (score|generate|inspect|convert|verify|train|report)/);
      for (const option of example.match(/(?<= )--[a-z-]+/g) ?? []) expect(known).toContain(option);
    }
  });
});
