#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import { type ConvertCommand, convert } from "./convert.js";
import { isUsageError, report } from "./faults.js";
import { addGeneration } from "./generation_options.js";
import { FORMATS } from "./input.js";
import { type InspectCommand, inspect } from "./inspect.js";
import { addLearning } from "./learning_options.js";
import { watchOutput } from "./output.js";
import { jobsOf, type ScoreCommand, score } from "./score.js";
import { ON_ERROR } from "./score_run.js";
import { type VerifyCommand, verify } from "./verify.js";

/** The version in package.json, put here when the command is built. */
declare const VERSION: string;

const EXAMPLES = {
  recurra: `
Examples:
  echo "the cat sat on the mat" | recurra score
  recurra score lines.txt --model model.safetensors --vocabulary vocabulary.json
  recurra generate --prompt "The ship came "
  recurra inspect model.onnx
  recurra convert model.keras model.safetensors
  recurra train text.txt --out model.safetensors

Exit codes: 0 success, 1 a fault of the input or the model, 2 a fault of the command line, 130 after Ctrl-C.`,
  score: `
One sequence is a line of a text, a line of a JSONL file (a text, a list of ids, or an object with one of them in
its field), or a record of a CSV file; any of them may be compressed by gzip. Scores are natural logarithms of probabilities.

Examples:
  recurra score names.txt                          a table, with the model of the package
  grep -v '^#' names.txt | recurra score --json    JSON lines: line, logProb, perplexity, bitsPerToken, tokens
  recurra score reviews.csv --field body           a column of a CSV file
  recurra score log.jsonl --field message --json   a field of JSON lines
  echo hello | recurra score --per-token           the score of each token
  recurra score big.csv.gz --json --with id --out scores.jsonl.gz --resume
                                                   a long run, continued where it was interrupted
  recurra score big.jsonl --on-error report        lines that cannot be scored have their error in the output`,
  inspect: `
Examples:
  recurra inspect model.safetensors
  recurra inspect model.onnx --json | jq .parameters`,
  verify: `
Prints whether all numbers agree, and the worst one. Exit code 0 if they do, 1 if not. docs/formats.md has the lines
of PyTorch that write the reference.

Examples:
  recurra verify model.safetensors --against reference.json
  recurra verify model.keras --against reference.json --tolerance 1e-6 --json`,
  convert: `
Reads safetensors with PyTorch's names, ONNX, Keras 3 (.keras) and TensorFlow.js (model.json). Writes safetensors
with PyTorch's names; its metadata hold the rest of the description. The file appears whole or not at all.

Examples:
  recurra convert model.onnx model.safetensors
  recurra convert model.safetensors named.safetensors --recurrent encoder,decoder --output fc
  recurra convert model.safetensors whole.safetensors --vocabulary vocabulary.json`,
};

/** Options that decide what a file with PyTorch's names leaves open. */
function withNames(command: Command): Command {
  return command
    .option(
      "--recurrent <names>",
      "PyTorch: the recurrent modules, lowest first, separated by commas",
    )
    .option("--embedding <name>", "PyTorch: the module of the embedding, or none")
    .option(
      "--output <names>",
      "PyTorch: the linear modules on top, lowest first, each perhaps with its activation (fc1:relu,fc2), or none",
    )
    .option("--no-residual", "PyTorch: no recurrent module's output is added to another one")
    .addOption(
      new Option(
        "--pooling <kind>",
        "PyTorch: an output for each step, or one from the last step, the mean or the maximum",
      ).choices(["steps", "last", "mean", "max"]),
    )
    .addOption(
      new Option("--nonlinearity <name>", "PyTorch: the activation of an RNN").choices([
        "tanh",
        "relu",
      ]),
    )
    .addOption(
      new Option("--input <kind>", "PyTorch: the input of a network without an embedding").choices([
        "features",
        "one-hot",
      ]),
    )
    .option(
      "--ignore-others",
      "PyTorch: leave out tensors that are not part of the network, and what they compute",
    )
    .option("-q, --quiet", "do not print on stderr what is assumed of the model");
}

function commandLine(done: (code: number) => void): Command {
  const program = new Command("recurra")
    .description(
      "Trains recurrent networks and scores sequences with them; inspects and converts model files.",
    )
    .version(VERSION)
    .addHelpText("after", EXAMPLES.recurra);
  const scoring = program
    .command("score")
    .description("score the lines of a file, or of standard input")
    .argument("[file]", "the file to score; standard input if it is - or absent")
    .option(
      "-m, --model <file>",
      "safetensors, ONNX, .keras or model.json (default: the model of the package)",
    )
    .option(
      "-v, --vocabulary <file>",
      "JSON, { token: id } or a list (default: the vocabulary in the model file)",
    )
    .addOption(
      new Option(
        "-f, --format <name>",
        "the format of the input (default: by its name, else text)",
      ).choices(FORMATS),
    )
    .option("--field <name>", "the field or column to score (default: text)")
    .option("--with <names>", "fields or columns to pass through, separated by commas")
    .option("--json", "print JSON lines")
    .option("--per-token", "print the score of each token")
    .addOption(
      new Option("--precision <name>", "the precision of the computation")
        .choices(["f64", "f32"])
        .default("f64"),
    )
    .option("--unknown <token>", "the token, or id, for characters outside the vocabulary")
    .addOption(
      new Option(
        "--on-error <action>",
        "for a line that cannot be scored: stop, omit it, or print its error",
      )
        .choices(ON_ERROR)
        .default("fail"),
    )
    .option("-j, --jobs <number>", "the cores to use (default: all, if the input is long)", jobsOf)
    .option("-o, --out <file>", "the file to write; compressed if its name ends in .gz")
    .option("--resume", "continue the file of --out after its last whole line");
  withNames(scoring)
    .addHelpText("after", EXAMPLES.score)
    .action(async (file: string | undefined, options: ScoreCommand) =>
      done(await score(file, options)),
    );
  const inspecting = program
    .command("inspect")
    .description("show the layers, shapes, parameters, memory and metadata of a model")
    .argument("<file>", "safetensors, ONNX, .keras or model.json")
    .option("--json", "print JSON");
  withNames(inspecting)
    .addHelpText("after", EXAMPLES.inspect)
    .action(async (file: string, options: InspectCommand) => done(await inspect(file, options)));
  const converting = program
    .command("convert")
    .description("write a model of any format as safetensors")
    .argument("<in>", "safetensors, ONNX, .keras or model.json")
    .argument("<out>", "the file to write, *.safetensors")
    .option("-v, --vocabulary <file>", "a vocabulary to store in the file");
  withNames(converting)
    .addHelpText("after", EXAMPLES.convert)
    .action(async (from: string, to: string, options: ConvertCommand) =>
      done(await convert(from, to, options)),
    );
  const verifying = program
    .command("verify")
    .description("compare a model with what its trainer computed")
    .argument("<model>", "safetensors, ONNX, .keras or model.json")
    .requiredOption("--against <file>", "JSON, { inputs, outputs }, as the trainer wrote it")
    .option("--tolerance <number>", "the largest error that passes", "1e-4")
    .addOption(
      new Option("--precision <name>", "the precision of the computation")
        .choices(["f64", "f32"])
        .default("f64"),
    )
    .addOption(
      new Option(
        "--activation <name>",
        "what follows the last linear layer (default: what the file says)",
      ).choices(["identity", "softmax", "logSoftmax"]),
    )
    .option("-v, --vocabulary <file>", "JSON, { token: id } or a list, for inputs that are texts")
    .option("--json", "print JSON");
  withNames(verifying)
    .addHelpText("after", EXAMPLES.verify)
    .action(async (model: string, options: VerifyCommand) => done(await verify(model, options)));
  addGeneration(program, done, withNames);
  addLearning(program, done);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showHelpAfterError("(see --help)");
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
    process.exitCode = isUsageError(error) ? 2 : 1;
  }
}
