import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEngineSync, loadLanguageModel } from "recurra";
import { trace } from "recurra/inspect";
import { beforeAll, describe, expect, it } from "vitest";
import type { ReportData } from "../../src/cli/report/data.js";
import { recurra, type Said } from "../support/command.js";
import { temporaryFolder } from "../support/project.js";
import { SMALL, TABLE, TEXT } from "./training.js";

const folder = temporaryFolder();
const run = (...args: string[]): Said => recurra(args, "", folder);

/** The data in a page. */
function dataOf(page: string): ReportData {
  const html = readFileSync(join(folder, page), "utf8");
  const [, json = ""] =
    /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html) ?? [];
  return JSON.parse(json);
}

beforeAll(() => {
  writeFileSync(join(folder, "text.txt"), `${TEXT}</script><b>the end\n`);
  writeFileSync(join(folder, "data.csv"), TABLE);
  const train = (...args: string[]) => expect(run("train", ...args).status).toBe(0);
  train("text.txt", "--out", "text.safetensors", "--steps", "30", ...SMALL);
  const table = ["data.csv", "--hidden-size", "8", "--epochs", "8", "--window", "16"];
  train(...table, "--target", "price", "--out", "price.safetensors");
  train(...table, "--target", "state", "--features", "load,price", "--out", "state.safetensors");
});

describe("recurra report", () => {
  it("a run on a text: history, the held-out text by its bits, samples, in one page without a link", () => {
    const { status, stdout, stderr } = run("report", "text.run");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/text\.run\/report\.html: [\d,]+ bytes\. Open it in a browser\.\n$/);
    const { title, facts, history, text, trace, samples, forecasts } =
      dataOf("text.run/report.html");
    expect(title).toBe("text.txt → text.safetensors");
    expect(Object.fromEntries(facts)).toMatchObject({ steps: "30", seed: "0", data: "text.txt" });
    expect(history?.step).toHaveLength(30);
    expect(history?.loss[0]).toBeGreaterThan(history?.loss[29] ?? 0);
    // U+FFFD stands for characters that the training part does not have.
    expect(text?.tokens.join("").endsWith("\ufffd\ufffdscript\ufffd\ufffdb\ufffdthe end\n")).toBe(
      true,
    );
    expect(text?.bits).toHaveLength(text?.tokens.length ?? 0);
    // The start token, a line's end, is read first.
    expect(trace?.tokens.join("")).toBe(`\n${text?.tokens.slice(0, 120).join("")}`);
    expect(trace?.maps.map(({ name }) => name)).toEqual([
      "hidden state",
      "tanh of the cell state",
      "input gate",
      "forget gate",
      "candidate",
      "output gate",
    ]);
    expect(samples.map(({ temperature }) => temperature)).toEqual([0.5, 0.8, 1]);
    expect(forecasts).toBeUndefined();
    const html = readFileSync(join(folder, "text.run/report.html"), "utf8");
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/(src|href)="(?!data:)[^"#]/g)).toBeNull();
    expect(html).toMatch(/uPlot, \(c\) .* MIT License/);
  });

  it("the bits of the text are those of recurra score, line by line", () => {
    const { text } = dataOf("text.run/report.html");
    const first = text?.tokens.indexOf("\n") ?? 0;
    const line = text?.tokens.slice(0, first).join("") ?? "";
    const scored = recurra(["score", "--json", "-m", "text.safetensors"], `${line}\n`, folder);
    const bits = text?.bits.slice(0, first).reduce((sum: number, each) => sum + (each ?? 0), 0);
    const { bitsPerToken, tokens } = JSON.parse(scored.stdout);
    expect(tokens).toBe(first);
    expect(Math.abs((bits ?? 0) - bitsPerToken * tokens)).toBeLessThan(1e-9);
  });

  it("the maps hold what recurra/inspect traces, to a 255th", async () => {
    using engine = createEngineSync();
    const file = readFileSync(join(folder, "text.safetensors"));
    const model = await loadLanguageModel(engine, file);
    const { trace: shown } = dataOf("text.run/report.html");
    const steps = shown?.tokens.length ?? 0;
    const { layers } = await trace(model, shown?.tokens.slice(1).join("") ?? "");
    for (const [place, name, low, of] of [
      [0, "hidden state", -1, layers[0]?.hidden],
      [3, "forget gate", 0, layers[0]?.gates.forget],
    ] as const) {
      const map = shown?.maps[place];
      expect([map?.name, map?.units, map?.low, map?.high]).toEqual([name, 12, low, 1]);
      const bytes = Buffer.from(map?.bytes ?? "", "base64");
      expect(of?.data.length).toBe(12 * steps);
      of?.data.forEach((value: number, i: number) => {
        const [t, unit] = [Math.floor(i / 12), i % 12];
        const got = low + ((bytes[unit * steps + t] ?? 0) / 255) * (1 - low);
        expect(Math.abs(got - value)).toBeLessThanOrEqual((1 - low) / 510 + 1e-12);
      });
    }
  });

  it("a run on a number: forecasts of the rows that were kept, and the scale of the residuals", () => {
    expect(run("report", "price.run", "--out", "price.html").status).toBe(0);
    const { forecasts, text, facts } = dataOf("price.html");
    expect(text).toBeUndefined();
    expect(forecasts?.row[0]).toBe(362);
    expect(forecasts?.row).toHaveLength(39);
    const column = TABLE.trim()
      .split("\n")
      .map((line) => Number(line.split(",")[2]));
    expect(forecasts?.actual).toEqual(forecasts?.row.map((row) => column[row]));
    const { "held-out data": said = "" } = Object.fromEntries(facts);
    expect(said).toContain(`error ${Number(forecasts?.scale.toPrecision(4))} on`);
  });

  it("a run on labels: how often each was taken for each", () => {
    expect(run("report", "state.run", "--out", "state.html").status).toBe(0);
    const { confusion, facts } = dataOf("state.html");
    expect(confusion?.classes).toEqual(["high", "low"]);
    const counts = confusion?.counts ?? [];
    expect(counts.flat().reduce((sum, count) => sum + count, 0)).toBe(40);
    const right = (counts[0]?.[0] ?? 0) + (counts[1]?.[1] ?? 0);
    const { "held-out data": said = "" } = Object.fromEntries(facts);
    expect(said).toContain(`${((100 * right) / 40).toFixed(1)} % of 40 labels right`);
  });

  it("a model and a text, without a run", () => {
    writeFileSync(join(folder, "other.txt"), "the cat sang\n");
    const { status } = run(
      "report",
      "-m",
      "text.safetensors",
      "--text",
      "other.txt",
      "-o",
      "o.html",
    );
    expect(status).toBe(0);
    const { title, history, text } = dataOf("o.html");
    expect([title, history, text?.name]).toEqual(["text.safetensors", undefined, "other.txt"]);
    expect(text?.tokens.join("")).toBe("the cat sang\n");
  });

  it("a run whose data have changed, or whose model is gone, shows its history, and says why", () => {
    writeFileSync(join(folder, "data.csv"), `${TABLE}x,1,2,low\n`);
    const changed = run("report", "price.run");
    expect([changed.status, changed.stderr]).toEqual([
      0,
      expect.stringContaining("data.csv: it has changed since the run"),
    ]);
    rmSync(join(folder, "state.safetensors"));
    const gone = run("report", "state.run");
    expect([gone.status, gone.stderr]).toEqual([
      0,
      expect.stringContaining("state.safetensors: it is not there"),
    ]);
    expect(dataOf("state.run/report.html").history?.step.length).toBeGreaterThan(0);
  });

  it.each([
    [[], 2, /expected the folder of a run, or --model FILE/],
    [
      ["text.run", "--model", "text.safetensors"],
      2,
      /expected the folder of a run, or --model FILE/,
    ],
    [["none.run"], 1, /none.run: expected the folder of a run/],
    [["."], 1, /expected the folder of a run, with a settings.json/],
    [["--model", "text.safetensors"], 2, /--model: expected a text, too: pass --text FILE/],
    [
      ["--model", "none.safetensors", "--text", "text.txt"],
      1,
      /none.safetensors: there is no such file/,
    ],
    [
      ["--model", "price.safetensors", "--text", "text.txt"],
      1,
      /price.safetensors: .*a language model/,
    ],
  ])("refuses %j with exit code %i", (args, code, message) => {
    const { status, stdout, stderr } = run("report", ...args);
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([code, ""]);
    expect(existsSync(join(folder, "report.html"))).toBe(false);
  });
});
