import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";

/** Settings of one model, in the file of settings. */
const MODEL = Type.Object(
  {
    file: Type.String({ minLength: 1 }),
    kind: Type.Optional(
      Type.Union([Type.Literal("language"), Type.Literal("tagger"), Type.Literal("graph")]),
    ),
    precision: Type.Optional(Type.Union([Type.Literal("f64"), Type.Literal("f32")])),
    /** Sequences or inputs of a graph that are fixed: `{ "sr": 16000 }`, and shapes: `{ "input": [1, 576] }`. */
    inputs: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.Number(), Type.Array(Type.Number())])),
    ),
    /** Of a graph: the output that becomes an input of the next step, by the input's name. */
    states: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** The names of a tagger's outputs. */
    classes: Type.Optional(Type.Array(Type.String())),
    /** The token or id that stands for characters outside the vocabulary. */
    unknown: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
    /** What the file must have, in hex. */
    sha256: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$" })),
    /** What a new version is tried with; a language model that gives another log-probability is not taken. */
    selfTest: Type.Optional(
      Type.Object(
        {
          sequence: Type.Optional(Type.String()),
          logProb: Type.Optional(Type.Number()),
          /** Of inputs of a graph whose extents are open. */
          shapes: Type.Optional(
            Type.Record(Type.String(), Type.Array(Type.Integer({ minimum: 0 }))),
          ),
          /** Of inputs of a graph that must have a certain number in all places: `{ "sr": 16000 }`. */
          values: Type.Optional(Type.Record(Type.String(), Type.Number())),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type ModelSettings = Static<typeof MODEL>;

const count = (minimum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, default: fallback, description });

/** Every setting. A flag is its name with hyphens, a variable RECURRA_ and its name in capitals. */
const SETTINGS = Type.Object(
  {
    models: Type.Record(Type.String(), MODEL, { default: {} }),
    folder: Type.Optional(
      Type.String({
        description: "serve every model file of a folder, and watch it for new versions",
      }),
    ),
    host: Type.String({ default: "127.0.0.1", description: "address to listen at" }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 8080,
      description: "port to listen at; 0 takes a free one",
    }),
    workers: count(1, availableParallelism(), "workers of each model"),
    maxBatch: count(1, 64, "the most sequences that are gathered into one batch"),
    maxLiveBatch: count(
      1,
      1024,
      "the most pushes of live streams that are gathered into one batch",
    ),
    maxDelay: Type.Number({
      minimum: 0,
      maximum: 1000,
      default: 2,
      description: "milliseconds for which a batch waits for more",
    }),
    maxQueue: count(
      1,
      16_384,
      "sequences of a model, and pushes, that may wait; the next one is answered with 503",
    ),
    maxBody: count(1024, 4_194_304, "bytes of a body; lines of NDJSON are bounded one by one"),
    maxModel: count(1024, 1_073_741_824, "bytes of a model that is uploaded"),
    maxTokens: count(1, 4096, "tokens that one call may generate"),
    maxDepth: count(1, 32, "lists and objects inside each other in a body"),
    maxConnections: count(1, 20_000, "open connections"),
    timeout: count(1, 30_000, "milliseconds that a request may take, if it names no deadline"),
    bodyTimeout: count(1, 10_000, "milliseconds in which headers, and then a body, must arrive"),
    streamTtl: Type.Number({
      exclusiveMinimum: 0,
      default: 600,
      description: "seconds without a push after which a stream ends",
    }),
    maxStreams: count(1, 100_000, "live streams; the next one is answered with 503"),
    checkpointEvery: count(
      0,
      0,
      "pushes after which a stream's state is saved for the case that its worker ends; 0: never",
    ),
    state: Type.String({
      pattern: "^(memory|rediss?://.+)$",
      default: "memory",
      description: "where states of streams are kept: memory, or redis://HOST:PORT",
    }),
    token: Type.Optional(
      Type.String({ minLength: 16, description: "token that every request needs" }),
    ),
    adminToken: Type.Optional(
      Type.String({
        minLength: 16,
        description: "token for PUT and DELETE /v1/models, which need --allow-upload",
      }),
    ),
    allowUpload: Type.Boolean({
      default: false,
      description: "take models by PUT /v1/models/{name}",
    }),
    rateLimit: count(0, 0, "requests that one address may make in a minute; 0: no limit"),
    drain: count(0, 10_000, "milliseconds in which running work may end after SIGTERM"),
    maxLoopDelay: count(
      0,
      1000,
      "milliseconds of event-loop delay from which requests are answered with 503; 0: no limit",
    ),
    logLevel: Type.Union(
      [
        Type.Literal("fatal"),
        Type.Literal("error"),
        Type.Literal("warn"),
        Type.Literal("info"),
        Type.Literal("debug"),
        Type.Literal("trace"),
        Type.Literal("silent"),
      ],
      { default: "info", description: "fatal, error, warn, info, debug, trace or silent" },
    ),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof SETTINGS>;

/** Settings that are never printed. */
const SECRETS = ["token", "adminToken"] as const;

/** A setting has a wrong value, or does not exist. */
export class SettingsError extends Error {
  override name = "SettingsError";
}

const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
const variableOf = (name: string): string =>
  `RECURRA_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** The value of a text, by the schema of its setting. */
function parse(schema: object, text: string): unknown {
  const { type } = schema as { type?: string };
  if (type === "integer" || type === "number") {
    if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
    throw new InvalidArgumentError("Expected a number.");
  }
  if (type !== "boolean") return text;
  if (!["true", "false", "1", "0"].includes(text))
    throw new InvalidArgumentError("Expected true or false.");
  return text === "true" || text === "1";
}

/** `NAME=FILE`. */
function addModel(
  text: string,
  models: Record<string, { file: string }>,
): Record<string, { file: string }> {
  const [, name, file] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || file === undefined)
    throw new InvalidArgumentError("Expected NAME=FILE.");
  return Object.assign(Object.create(null), models, { [name]: { file } });
}

/** The options of the command line: one for each setting. */
export function addOptions(command: Command): Command {
  command.addOption(
    new Option("--model <NAME=FILE>", "serve a model; may be given several times")
      .argParser(addModel)
      .default({}, "none"),
  );
  for (const [name, schema] of Object.entries(SETTINGS.properties)) {
    if (name === "models") continue;
    const {
      type,
      description = "",
      default: fallback,
    } = schema as { type?: string; description?: string; default?: unknown };
    const operand =
      type === "boolean" ? "" : ` <${type === "integer" || type === "number" ? "n" : "text"}>`;
    const option = new Option(
      `${flagOf(name)}${operand}`,
      fallback === undefined || fallback === false
        ? description
        : `${description} (default: ${fallback})`,
    );
    option.env(variableOf(name));
    if (type !== "boolean") option.argParser((text) => parse(schema, text));
    command.addOption(option);
  }
  return command.addOption(
    new Option(
      "--config <FILE>",
      "JSON with settings by these names in camelCase, models among them",
    ).env("RECURRA_CONFIG"),
  );
}

function fromFile(path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new SettingsError(
      `--config: ${path}: expected a file of JSON: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new SettingsError(`--config: ${path}: expected an object`);
}

/**
 * The settings from flags, then variables of the environment, then the file, then defaults: the first that names one counts.
 *
 * @param given what commander parsed by the options of `addOptions`
 * @throws {SettingsError} that names the setting
 */
export function settingsFrom(given: Record<string, unknown>): Settings {
  const { config, model = {}, ...named } = given;
  const file = config === undefined ? {} : fromFile(config as string);
  const models = { ...(file.models as object | undefined), ...(model as object) };
  return checkSettings({ ...file, ...named, models });
}

/** Settings of one model. @throws {SettingsError} that names the setting at fault */
export function checkModelSettings(name: string, given: object): ModelSettings {
  const fault = faultOf(MODEL, given);
  if (fault === undefined) return given as ModelSettings;
  throw new SettingsError(`models.${name}.${fault}`);
}

/** The first setting at fault, and why. */
function faultOf(schema: typeof SETTINGS | typeof MODEL, value: unknown): string | undefined {
  const [fault] = Value.Errors(schema, value);
  if (fault === undefined) return undefined;
  const path = fault.instancePath.split("/").slice(1).join(".");
  // The checker says of a member that no schema knows that its schema is false.
  const isUnknown = fault.message === "schema is false" || fault.keyword === "additionalProperties";
  const name = path === "" ? "settings" : path;
  return `${name}: ${isUnknown ? "no such setting" : fault.message}`;
}

/** Settings with their defaults. @throws {SettingsError} that names the setting at fault */
export function checkSettings(given: object): Settings {
  const value = Value.Default(SETTINGS, structuredClone(given));
  const fault = faultOf(SETTINGS, value);
  if (fault !== undefined) throw new SettingsError(fault);
  const settings = value as Settings;
  if (settings.allowUpload && settings.adminToken === undefined) {
    throw new SettingsError(
      "allowUpload: needs adminToken: whoever replaces a model decides what is computed",
    );
  }
  return settings;
}

/** The settings as they may be printed: without tokens, and without the password in an address. */
export function printableSettings(settings: Settings): Record<string, unknown> {
  const secrets = SECRETS.filter((name) => settings[name] !== undefined).map((name) => [
    name,
    "[secret]",
  ]);
  const state = settings.state.replace(/\/\/[^@/]*@/, "//[secret]@");
  return { ...settings, state, ...Object.fromEntries(secrets) };
}
