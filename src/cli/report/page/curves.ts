import type { HistoryData } from "../data.js";
import { chart } from "./charts.js";
import { element, section } from "./elements.js";

/** The mean of the values around each one: what a noisy curve means. */
function smoothed(values: readonly number[]): number[] {
  const reach = Math.max(1, Math.floor(values.length / 100));
  const sums = [0];
  for (const value of values) sums.push((sums.at(-1) as number) + value);
  return values.map((_, i) => {
    // Fewer at the beginning, where the loss falls fast.
    const own = Math.min(reach, i);
    const [from, to] = [i - own, Math.min(values.length, i + own + 1)];
    return ((sums[to] as number) - (sums[from] as number)) / (to - from);
  });
}

/** Loss, learning rate and gradient norm over the steps. */
export function curves(history: HistoryData): HTMLElement {
  const { step: x, loss, validation, learningRate, gradientNorm } = history;
  const hasValidation = validation.some((value) => value !== null);
  const xName = "step";
  return section(
    "curves",
    "Training",
    "Drag over a chart to see a part of it, click twice to see all again. With the keyboard, the arrow keys move the cursor.",
    chart({
      title: "Loss",
      x,
      xName,
      height: 300,
      lines: [
        { name: "each step", colour: "pale", values: loss, width: 1 },
        { name: "mean", colour: "accent", values: smoothed(loss), width: 2 },
        ...(hasValidation
          ? [{ name: "validation", colour: "second", values: validation, width: 2, points: true }]
          : []),
      ],
    }),
    element(
      "div",
      { class: "pair" },
      chart({
        title: "Learning rate",
        x,
        xName,
        height: 200,
        lines: [{ name: "rate", colour: "accent", values: learningRate }],
      }),
      chart({
        title: "Norm of the gradient, before it is clipped",
        x,
        xName,
        height: 200,
        logarithmic: gradientNorm.every((norm) => norm > 0),
        lines: [{ name: "norm", colour: "accent", values: gradientNorm, width: 1 }],
      }),
    ),
  );
}
