import { DEFAULTS } from "../vad/voice_activity.js";
import type { VoiceOptions } from "./messages.js";

interface Setting {
  readonly name: keyof VoiceOptions;
  readonly label: string;
  readonly unit: string;
  readonly most: number;
  readonly step: number;
}

const SETTINGS: readonly Setting[] = [
  { name: "start", label: "Speech begins at a probability of", unit: "", most: 0.95, step: 0.05 },
  { name: "end", label: "and goes on down to", unit: "", most: 0.95, step: 0.05 },
  { name: "minimumSpeech", label: "Shortest speech", unit: " s", most: 2, step: 0.05 },
  { name: "minimumSilence", label: "Shortest pause", unit: " s", most: 2, step: 0.05 },
];

/** The sliders, and what they say. */
export class Settings {
  options: VoiceOptions = { ...DEFAULTS };
  readonly #inputs = new Map<keyof VoiceOptions, HTMLInputElement>();
  readonly #outputs = new Map<keyof VoiceOptions, HTMLOutputElement>();

  /** @param changed called when a slider was moved */
  constructor(parent: HTMLElement, changed: () => void) {
    for (const { name, label, most, step } of SETTINGS) {
      const row = document.createElement("label");
      const [text, output, input] = [
        document.createElement("span"),
        document.createElement("output"),
        document.createElement("input"),
      ];
      text.textContent = label;
      Object.assign(input, { type: "range", min: "0", max: String(most), step: String(step) });
      input.name = name;
      input.oninput = () => {
        this.#take(name, Number(input.value));
        changed();
      };
      row.append(text, output, input);
      parent.append(row);
      this.#inputs.set(name, input);
      this.#outputs.set(name, output);
    }
    this.#show();
  }

  set disabled(disabled: boolean) {
    for (const input of this.#inputs.values()) input.disabled = disabled;
  }

  reset(): void {
    this.options = { ...DEFAULTS };
    this.#show();
  }

  /** Speech never ends at a higher probability than it begins at: the other threshold gives way. */
  #take(name: keyof VoiceOptions, value: number): void {
    const options = { ...this.options, [name]: value };
    if (name === "start") options.end = Math.min(options.end, value);
    if (name === "end") options.start = Math.max(options.start, value);
    this.options = options;
    this.#show();
  }

  #show(): void {
    for (const { name, unit } of SETTINGS) {
      const value = this.options[name];
      (this.#inputs.get(name) as HTMLInputElement).value = String(value);
      (this.#outputs.get(name) as HTMLOutputElement).value = `${value.toFixed(2)}${unit}`;
    }
  }
}
