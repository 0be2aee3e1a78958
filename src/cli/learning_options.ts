import { type Command, Option } from "commander";
import { UsageError } from "./faults.js";
import { real, whole } from "./numbers.js";
import type { ReportCommand } from "./report/command.js";
import type { TrainCommand } from "./train/settings.js";

const TRAIN = `
Without options, sizes follow from the data, and stderr says which. A text becomes a language model, for recurra score; a
CSV file a model that predicts a column, for loadTagger: the next row's value, or, of a column of texts, this row's label.
The last part of the data is kept for validation, and the weights with the lowest validation loss are written.

The folder of the run holds settings, a checkpoint, and the loss of each step. Ctrl-C saves and says how to go on. A run
that was interrupted, killed or not, ends with the bytes of an undisturbed one.

Examples:
  recurra train text.txt --out model.safetensors
  recurra train text.txt --out model.safetensors --hidden-size 256 --layers 2 --epochs 10 --seed 1
  recurra train text.txt --out model.safetensors --tokenizer tokenizer.json
  recurra train data.csv --target price --window 32 --out model.safetensors
  recurra train data.csv --target state --features temperature,pressure --out model.safetensors
  recurra train text.txt --out model.safetensors --resume`;

const REPORT = `
Writes one HTML page that opens from the disk: loss, validation loss, learning rate and the norm of the gradient; of a
text, its tokens coloured by surprise, activations, and samples; of a CSV file, forecasts and residuals, or the confusion
matrix. Without --text, the text is the beginning of the part that was kept for validation.

Examples:
  recurra report model.run
  recurra report model.run --text chapter.txt --out report.html
  recurra report --model model.safetensors --text chapter.txt --out report.html`;

const choice = (flags: string, text: string, values: readonly string[]): Option =>
  new Option(flags, text).choices(values);

/** The character of `--delimiter`. */
function delimiter(text: string): string {
  const character = text === "tab" || text === "\\t" ? "\t" : text;
  if (character.length === 1 && !'"\r\n'.includes(character)) return character;
  throw new UsageError(`--delimiter: expected one character, or tab, got ${JSON.stringify(text)}`);
}

/** Adds the commands that train. */
export function addLearning(program: Command, done: (code: number) => void): void {
  program
    .command("train")
    .description("train a model on a text, or on the columns of a CSV file")
    .argument("<file>", "UTF-8 text, or *.csv; gzip may have compressed it")
    .requiredOption("-o, --out <file>", "the model to write, *.safetensors")
    .option(
      "--run <folder>",
      "the folder of the run (default: OUT with .run in place of its ending)",
    )
    .option("--resume", "go on with the run in the folder")
    .option("--overwrite", "replace a run that is not finished")
    .addOption(choice("--tokens <kind>", "text: what a token is", ["characters", "words"]))
    .option("--words <number>", "text: the most words (default: 4000)", whole("--words", 1))
    .option("--tokenizer <file>", "text: tokens of a Hugging Face tokenizer.json")
    .option("--target <column>", "CSV: the column to predict")
    .option(
      "--features <columns>",
      "CSV: the columns to read, separated by commas (default: all of numbers)",
    )
    .option(
      "--window <rows>",
      "CSV: rows that a gradient reaches back (default: 32)",
      whole("--window", 1),
    )
    .option(
      "--horizon <rows>",
      "CSV: rows ahead of the last one (default: 1, of labels 0)",
      whole("--horizon", 0),
    )
    .option(
      "--delimiter <character>",
      "CSV: what separates fields, tab for a tab (default: what the first line has)",
      delimiter,
    )
    .addOption(
      choice("--missing <what>", "CSV: what a missing number is (default: a fault)", ["previous"]),
    )
    .addOption(
      choice("--cell <name>", "the recurrent cell (default: lstm)", ["lstm", "gru", "rnn"]),
    )
    .option("--hidden-size <number>", "hidden units of a layer", whole("--hidden-size", 1, 8192))
    .option("--layers <number>", "recurrent layers (default: 1)", whole("--layers", 1, 64))
    .option(
      "--embedding <number>",
      "text: the size of a token's row, 0 for one-hot",
      whole("--embedding", 0, 8192),
    )
    .option("--layer-norm", "normalise the output of each recurrent layer")
    .option("--residual", "add a recurrent layer's input to its output where both have one size")
    .option(
      "--dropout <number>",
      "between the layers and below the output",
      real("--dropout", 0, 0.95),
    )
    .addOption(
      choice(
        "--initialisation <name>",
        "how first weights are drawn (default: fan-in, of a table pytorch)",
        ["fan-in", "pytorch", "keras"],
      ),
    )
    .option("--epochs <number>", "times that the data are read", whole("--epochs", 1))
    .option("--steps <number>", "updates of the weights", whole("--steps", 1))
    .option("--batch-size <number>", "sequences of a step", whole("--batch-size", 1, 65536))
    .option(
      "--sequence-length <number>",
      "text: tokens that a gradient reaches back (default: 64)",
      whole("--sequence-length", 1, 65536),
    )
    .addOption(
      choice("--optimizer <name>", "the optimiser (default: adam)", [
        "sgd",
        "rmsprop",
        "adam",
        "adamw",
        "adagrad",
      ]),
    )
    .option("--lr <number>", "the learning rate", real("--lr", 0))
    .option(
      "--weight-decay <number>",
      "the optimiser's weight decay (default: 0)",
      real("--weight-decay", 0),
    )
    .addOption(
      choice("--schedule <name>", "how the rate changes (default: linear, to 0)", [
        "constant",
        "linear",
        "cosine",
      ]),
    )
    .option("--warmup <steps>", "steps over which the rate rises first", whole("--warmup", 0))
    .option(
      "--clip-norm <number>",
      "the largest norm of a gradient, 0 for none (default: 1)",
      real("--clip-norm", 0),
    )
    .option(
      "--validation <share>",
      "the share that is kept for validation",
      real("--validation", 0.001, 0.9),
    )
    .option(
      "--patience <number>",
      "validations without a better one that end the run, 0 for none",
      whole("--patience", 0),
    )
    .option(
      "--checkpoint-every <steps>",
      "steps from one checkpoint to the next",
      whole("--checkpoint-every", 1),
    )
    .option("--seed <number>", "of weights, order and dropout (default: 0)", whole("--seed", 0))
    .addOption(
      choice("--precision <name>", "the numbers of the computation (default: f64)", ["f64", "f32"]),
    )
    .addOption(
      choice("--dtype <name>", "the numbers of the file (default: f32)", ["f64", "f32", "f16"]),
    )
    .option(
      "--note <name=text>",
      "adds metadata to the file; may be repeated",
      (each, before: string[] = []) => [...before, each],
    )
    .addHelpText("after", TRAIN)
    .action(async (file: string, options: TrainCommand) => {
      const { train } = await import("./learning.js");
      done(await train(file, options));
    });
  program
    .command("report")
    .description("show a run of train, or a model and a text, as a page")
    .argument("[run]", "the folder of a run")
    .option("-m, --model <file>", "in place of a run: safetensors")
    .option("--text <file>", "the text to show")
    .option(
      "-o, --out <file>",
      "the page to write (default: RUN/report.html, of a model report.html)",
    )
    .addHelpText("after", REPORT)
    .action(async (run: string | undefined, options: ReportCommand) => {
      const { report } = await import("./learning.js");
      done(await report(run, options));
    });
}
