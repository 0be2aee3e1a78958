import { type Command, Option } from "commander";
import { UsageError } from "./faults.js";
import { type GenerateCommand, generateText } from "./generate.js";
import { real, whole } from "./numbers.js";

const HELP = `
Prints the prompt and what the model makes of it, as it comes. The same seed gives the same text on every host. With
--json a line for each sample: sample, seed, prompt, text, tokens, logProb, reason, stop.

Examples:
  recurra generate --prompt "The ship came " --temperature 0.7
  recurra generate --prompt "Once" --max-tokens 1000 --stop . --seed 7
  recurra generate --prompt "We wa" --samples 20 --max-tokens 30 --json`;

const SEEDS = Number.MAX_SAFE_INTEGER;
/** All samples are held until they are printed. */
const MOST_SAMPLES = 100_000;

/** Collects the texts of an option that may be given several times. */
function collect(text: string, before: readonly string[] = []): string[] {
  if (text === "") throw new UsageError("--stop: expected at least one character");
  return [...before, text];
}

/** Adds the command that generates. @param withNames adds the options that every command with a model has */
export function addGeneration(
  program: Command,
  done: (code: number) => void,
  withNames: (command: Command) => Command,
): void {
  const generating = program
    .command("generate")
    .description("continue a text with a language model")
    .option("-p, --prompt <text>", "the text to continue", "")
    .option(
      "-m, --model <file>",
      "safetensors, ONNX, .keras or model.json (default: the model of the package)",
    )
    .option(
      "-v, --vocabulary <file>",
      "JSON, { token: id } or a list (default: the vocabulary in the model file)",
    )
    .option(
      "--max-tokens <number>",
      "the most tokens to generate (default: 256)",
      whole("--max-tokens", 1, 1e9),
    )
    .option(
      "--temperature <number>",
      "below 1 likelier tokens gain; 0 takes the likeliest (default: 1)",
      real("--temperature", 0),
    )
    .option(
      "--top-k <number>",
      "draw from the k likeliest tokens (default: from all)",
      whole("--top-k", 1),
    )
    .option(
      "--top-p <share>",
      "draw from the fewest tokens whose probabilities add up to this (default: 1)",
      real("--top-p", 0, 1),
    )
    .option(
      "--min-p <share>",
      "draw from tokens at least this many times as likely as the likeliest (default: 0)",
      real("--min-p", 0, 1),
    )
    .option(
      "--repetition-penalty <number>",
      "above 1 tokens that have occurred become less likely (default: 1)",
      real("--repetition-penalty", 1e-6),
    )
    .option("--stop <text>", "end before this text; may be repeated", collect)
    .option(
      "--seed <number>",
      "of the first sample; each further one has the next seed",
      whole("--seed", 0, SEEDS),
      0,
    )
    .option(
      "-n, --samples <number>",
      "samples, side by side",
      whole("--samples", 1, MOST_SAMPLES),
      1,
    )
    .option("--json", "print JSON lines")
    .addOption(
      new Option("--precision <name>", "the precision of the computation")
        .choices(["f64", "f32"])
        .default("f64"),
    )
    .option("--unknown <token>", "the token, or id, for characters outside the vocabulary");
  withNames(generating)
    .addHelpText("after", HELP)
    .action(async (options: GenerateCommand) => done(await generateText(options)));
}
