import type { NetworkSettings, TrainCommand, TrainingSettings } from "./settings.js";

/** The sizes of the data on which defaults depend. */
export interface TextSize {
  /** Tokens of the training part, and different ones. */
  readonly tokens: number;
  readonly vocabulary: number;
  readonly isCharacters: boolean;
  /** Tokens that a validation reads. */
  readonly validated: number;
}

export interface TableSize {
  /** Windows of the training part, and their rows. */
  readonly windows: number;
  readonly rows: number;
  readonly window: number;
}

const clamp = (least: number, value: number, most: number): number =>
  Math.min(Math.max(value, least), most);

/** The value of the first limit that `size` is below. */
function below(size: number, limits: readonly (readonly [number, number])[], otherwise: number) {
  return limits.find(([limit]) => size < limit)?.[1] ?? otherwise;
}

/** Validations of a run, if it is long enough. */
const VALIDATIONS = 40;

const precisionOf = ({ precision }: TrainCommand): Pick<NetworkSettings, "precision"> =>
  precision === "f32" ? { precision } : {};

/** What follows each layer. Settings without it stay those of earlier versions, whose runs may be resumed. */
const addNorm = ({ layerNorm, residual }: TrainCommand) => ({
  ...(layerNorm ? { layerNorm } : {}),
  ...(residual ? { residual } : {}),
});

/** The network for a text: the more text, the more hidden units it can use. */
export function textNetwork(command: TrainCommand, size: TextSize): NetworkSettings {
  const hiddenSize =
    command.hiddenSize ??
    below(
      size.tokens,
      [
        [20_000, 64],
        [1_000_000, 128],
        [4_000_000, 192],
      ],
      256,
    );
  return {
    cell: command.cell ?? "lstm",
    hiddenSize,
    layers: command.layers ?? 1,
    embedding:
      command.embedding ??
      (size.isCharacters ? Math.min(32, size.vocabulary) : Math.min(128, hiddenSize)),
    ...addNorm(command),
    dropout: command.dropout ?? (size.tokens < 1_000_000 ? 0.1 : 0),
    initialisation: command.initialisation ?? "fan-in",
    ...precisionOf(command),
  };
}

/** Tokens that a run on a text reads: many times a short one, a long one once. */
const TOKENS = { most: 8_000_000, epochs: 40 };

export function textTraining(
  command: TrainCommand,
  size: TextSize,
  { hiddenSize }: NetworkSettings,
): TrainingSettings {
  const sequenceLength = command.sequenceLength ?? 64;
  const batchSize = command.batchSize ?? clamp(1, Math.floor(size.tokens / 1000), 16);
  const perStep = batchSize * sequenceLength;
  const wanted = Math.max(size.tokens, Math.min(size.tokens * TOKENS.epochs, TOKENS.most));
  const tokens = command.epochs === undefined ? wanted : command.epochs * size.tokens;
  const steps = command.steps ?? Math.max(1, Math.ceil(tokens / perStep));
  // Measured for 192 units and batches of 16 (docs/decisions/examples.md); a larger network diverges at that rate.
  const lr = 0.016 * Math.min(1, 192 / hiddenSize);
  const training = trainingOf(command, { steps, batchSize, sequenceLength, lr, patience: 0 });
  // A token costs a third of what it costs in training: so a fifth of the time at most goes into validation.
  const least = Math.ceil((1.5 * size.validated) / perStep);
  return { ...training, validateEvery: Math.max(training.validateEvery, least) };
}

/** The network for a table. */
export const tableNetwork = (command: TrainCommand, size: TableSize): NetworkSettings => ({
  cell: command.cell ?? "lstm",
  hiddenSize:
    command.hiddenSize ??
    below(
      size.rows,
      [
        [5_000, 32],
        [100_000, 64],
      ],
      128,
    ),
  layers: command.layers ?? 1,
  embedding: 0,
  ...addNorm(command),
  dropout: command.dropout ?? 0,
  initialisation: command.initialisation ?? "pytorch",
  ...precisionOf(command),
});

/** Rows that a run on a table reads, and the steps that a short one needs at least. */
const ROWS = { most: 3_000_000, epochs: 60, steps: 1500 };
/** Steps without a better validation that are waited for at least. */
const PATIENCE = { epochs: 10, steps: 250 };

export function tableTraining(command: TrainCommand, size: TableSize): TrainingSettings {
  const batchSize = command.batchSize ?? clamp(1, Math.floor(size.windows / 8), 32);
  const perEpoch = Math.ceil(size.windows / batchSize);
  const most = Math.floor(ROWS.most / Math.max(size.windows * size.window, 1));
  const wanted = Math.max(ROWS.epochs, Math.ceil(ROWS.steps / perEpoch));
  const steps = command.steps ?? perEpoch * (command.epochs ?? clamp(1, most, wanted));
  const patience = Math.max(PATIENCE.epochs, Math.ceil(PATIENCE.steps / perEpoch));
  const settings = { steps, batchSize, sequenceLength: size.window, lr: 0.005, patience };
  return { ...trainingOf(command, settings), validateEvery: perEpoch };
}

type Chosen = Pick<TrainingSettings, "steps" | "batchSize" | "sequenceLength" | "lr" | "patience">;

function trainingOf(command: TrainCommand, chosen: Chosen): TrainingSettings {
  const { steps } = chosen;
  return {
    ...chosen,
    optimizer: command.optimizer ?? "adam",
    lr: command.lr ?? chosen.lr,
    weightDecay: command.weightDecay ?? 0,
    schedule: command.schedule ?? "linear",
    warmup: command.warmup ?? Math.min(100, Math.floor(steps / 10)),
    clipNorm: command.clipNorm ?? 1,
    validateEvery: Math.max(1, Math.ceil(steps / VALIDATIONS)),
    patience: command.patience ?? chosen.patience,
  };
}

/**
 * Steps from one checkpoint to the next: about a minute of computation, by 2·10⁹ additions and products a second, so that the
 * number depends on the settings alone.
 *
 * @param weights numbers of the network that a step multiplies with each token
 */
export function checkpointSteps(
  { checkpointEvery }: TrainCommand,
  { steps, batchSize, sequenceLength }: TrainingSettings,
  weights: number,
): number {
  if (checkpointEvery !== undefined) return checkpointEvery;
  const operations = 6 * weights * batchSize * sequenceLength;
  return clamp(1, Math.floor((60 * 2e9) / operations), Math.ceil(steps / 10));
}
