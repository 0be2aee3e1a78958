/** What a report shows: JSON within its page. */
export interface ReportData {
  readonly title: string;
  /** Names and values of the run and the model. */
  readonly facts: readonly (readonly [string, string])[];
  readonly history: HistoryData | undefined;
  readonly text: TextData | undefined;
  readonly samples: readonly SampleData[];
  readonly trace: TraceData | undefined;
  readonly forecasts: ForecastData | undefined;
  readonly confusion: ConfusionData | undefined;
}

/** A column for each quantity; null where a step has none. */
export interface HistoryData {
  readonly step: readonly number[];
  readonly loss: readonly number[];
  readonly validation: readonly (number | null)[];
  readonly learningRate: readonly number[];
  readonly gradientNorm: readonly number[];
}

/** A text and how surprising each of its tokens was. */
export interface TextData {
  readonly name: string;
  readonly tokens: readonly string[];
  /** −log2 of each token's probability; null for one that was not scored. */
  readonly bits: readonly (number | null)[];
}

export interface SampleData {
  readonly temperature: number;
  readonly prompt: string;
  readonly text: string;
}

/** Activations over the tokens of a text. */
export interface TraceData {
  readonly tokens: readonly string[];
  readonly maps: readonly MapData[];
}

/** Numbers of units (rows) at steps (columns). */
export interface MapData {
  readonly name: string;
  readonly units: number;
  readonly low: number;
  readonly high: number;
  /** Base64 of a byte for each number, unit by unit: 0 is `low`, 255 `high`. */
  readonly bytes: string;
}

/** Forecasts of a number, and what came. */
export interface ForecastData {
  readonly target: string;
  readonly row: readonly number[];
  readonly actual: readonly number[];
  readonly forecast: readonly number[];
  /** The root mean square of all residuals. */
  readonly scale: number;
}

/** How often a row of each label (first index) was taken for each (second index). */
export interface ConfusionData {
  readonly target: string;
  readonly classes: readonly string[];
  readonly counts: readonly (readonly number[])[];
}
