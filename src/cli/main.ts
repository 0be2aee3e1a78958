#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import { type ConvertCommand, convert } from "./convert.js";
import { report, UsageError } from "./faults.js";
import { FORMATS } from "./input.js";
import { type InspectCommand, inspect } from "./inspect.js";
import { watchOutput } from "./output.js";
import { ON_ERROR, type ScoreCommand, score } from "./score.js";

/** package.json's, put here when the command is built. */
declare const VERSION: string;

const EXAMPLES = {
  recurra: `
Examples:
  echo "the cat sat on the mat" | recurra score
  recurra score lines.txt --model model.safetensors --vocabulary vocabulary.json
  recurra inspect model.onnx
  recurra convert model.keras model.safetensors

Exit codes: 0 all went well, 1 the input or the model is at fault, 2 the command line is; 130 after Ctrl-C.`,
  score: `
Each line of a text, each line of a JSONL file (a text, a list of ids, or an object with one of them in its
field) and each row of a CSV file is one sequence. Scores are natural logarithms of probabilities.

Examples:
  recurra score names.txt                          a table, with the model of the package
  grep -v '^#' names.txt | recurra score --json    JSON lines: line, logProb, perplexity, bitsPerToken, tokens
  recurra score reviews.csv --field body           a column of a CSV file
  recurra score log.jsonl --field message --json   a field of JSON lines
  echo hello | recurra score --per-token           what each token adds`,
  inspect: `
Examples:
  recurra inspect model.safetensors
  recurra inspect model.onnx --json | jq .parameters`,
  convert: `
Reads safetensors with PyTorch's names, ONNX (.onnx), Keras 3 (.keras) and TensorFlow.js (model.json); writes
safetensors with PyTorch's names. What those do not say stands in the file's metadata. The file appears as a
whole or not at all.

Examples:
  recurra convert model.onnx model.safetensors
  recurra convert model.safetensors named.safetensors --recurrent encoder,decoder --output fc
  recurra convert model.safetensors whole.safetensors --vocabulary vocabulary.json`,
};

/** What a file with PyTorch's names leaves open. */
function withNames(command: Command): Command {
  return command
    .option("--recurrent <names>", "PyTorch: the recurrent modules from below, by commas")
    .option("--embedding <name>", "PyTorch: the embedding's module, or none")
    .option("--output <names>", "PyTorch: the linear modules on top from below, or none")
    .addOption(
      new Option("--nonlinearity <name>", "PyTorch: an RNN's function").choices(["tanh", "relu"]),
    )
    .option("--ignore-others", "PyTorch: leave out tensors that are no part of the network");
}

function commandLine(done: (code: number) => void): Command {
  const program = new Command("recurra")
    .description(
      "Scores sequences with recurrent networks, looks into their files and converts them.",
    )
    .version(VERSION)
    .addHelpText("after", EXAMPLES.recurra);
  const scoring = program
    .command("score")
    .description("score the lines of a file, or of standard input")
    .argument("[file]", "what to score; - or nothing: standard input")
    .option(
      "-m, --model <file>",
      "safetensors, .onnx, .keras or model.json (default: the package's own)",
    )
    .option(
      "-v, --vocabulary <file>",
      "JSON, { token: id } or a list (default: the model file's own)",
    )
    .addOption(
      new Option(
        "-f, --format <name>",
        "what the input is (default: by its name, else text)",
      ).choices(FORMATS),
    )
    .option("--field <name>", "the field or column to score (default: text)")
    .option("--json", "print JSON lines")
    .option("--per-token", "print what each token adds")
    .addOption(
      new Option("--precision <name>", "the numbers to compute with")
        .choices(["f64", "f32"])
        .default("f64"),
    )
    .option("--unknown <token>", "the token, or id, of characters outside the vocabulary")
    .addOption(
      new Option(
        "--on-error <action>",
        "a line that cannot be scored: end, skip it, or print its error",
      )
        .choices(ON_ERROR)
        .default("fail"),
    );
  withNames(scoring)
    .addHelpText("after", EXAMPLES.score)
    .action(async (file: string | undefined, options: ScoreCommand) =>
      done(await score(file, options)),
    );
  const inspecting = program
    .command("inspect")
    .description("show a model's layers, shapes, parameters, memory and metadata")
    .argument("<file>", "safetensors, .onnx, .keras or model.json")
    .option("--json", "print JSON");
  withNames(inspecting)
    .addHelpText("after", EXAMPLES.inspect)
    .action(async (file: string, options: InspectCommand) => done(await inspect(file, options)));
  const converting = program
    .command("convert")
    .description("write a model of any format as safetensors")
    .argument("<in>", "safetensors, .onnx, .keras or model.json")
    .argument("<out>", "the file to write, *.safetensors")
    .option("-v, --vocabulary <file>", "a vocabulary to put into the file");
  withNames(converting)
    .addHelpText("after", EXAMPLES.convert)
    .action(async (from: string, to: string, options: ConvertCommand) =>
      done(await convert(from, to, options)),
    );
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showHelpAfterError("(--help says more)");
  }
  return program;
}

watchOutput();
try {
  await commandLine((code) => {
    process.exitCode = code;
  }).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(report(error));
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
