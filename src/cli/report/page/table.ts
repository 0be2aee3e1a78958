import type { ConfusionData, ForecastData } from "../data.js";
import { chart } from "./charts.js";
import { element, section, short } from "./elements.js";

const BARS = 31;
/** Scales to each side that the histogram shows. */
const REACH = 4;

/** How often residuals fall into each of equal ranges, as a chart of bars. */
function histogram(residuals: readonly number[], scale: number): HTMLElement {
  const counts = new Array<number>(BARS).fill(0);
  for (const residual of residuals) {
    const place = ((residual / scale + REACH) / (2 * REACH)) * BARS;
    const bar = Math.min(Math.max(Math.floor(place), 0), BARS - 1);
    counts[bar] = (counts[bar] as number) + 1;
  }
  const most = Math.max(...counts, 1);
  const bars = counts.map((count, i) => {
    const from = ((i / BARS) * 2 - 1) * REACH * scale;
    const to = (((i + 1) / BARS) * 2 - 1) * REACH * scale;
    const bar = element("div", { class: "bar", title: `${short(from)} to ${short(to)}: ${count}` });
    bar.style.height = `${(100 * count) / most}%`;
    return bar;
  });
  const ends = [-REACH, -REACH / 2, 0, REACH / 2, REACH].map((k) =>
    element("span", {}, short(k * scale)),
  );
  const within = residuals.filter((residual) => Math.abs(residual) <= 2 * scale).length;
  const label = `Histogram of ${residuals.length} residuals: ${((100 * within) / residuals.length).toFixed(1)} % are within ± ${short(2 * scale)}.`;
  return element(
    "figure",
    {},
    element("figcaption", {}, "Residuals, forecast − actual"),
    element("div", { class: "bars", role: "img", "aria-label": label }, ...bars),
    element("div", { class: "ends", "aria-hidden": "true" }, ...ends),
  );
}

/** Forecasts beside what came. */
export function forecasts({ target, row, actual, forecast, scale }: ForecastData): HTMLElement {
  const residuals = forecast.map((value, i) => value - (actual[i] as number));
  return section(
    "forecasts",
    "Forecasts of rows that it has not seen",
    `${target}: the root mean square of the residuals is ${short(scale)}. A live score divides by it.`,
    chart({
      title: target,
      x: row,
      xName: "row",
      height: 300,
      lines: [
        { name: "actual", colour: "faint", values: actual, width: 1.5 },
        { name: "forecast", colour: "accent", values: forecast, width: 1.5 },
      ],
    }),
    histogram(residuals, scale),
  );
}

/** Labels as they are (rows) and as they were taken for (columns). */
export function confusion({ target, classes, counts }: ConfusionData): HTMLElement {
  const all = counts.flat().reduce((sum, count) => sum + count, 0);
  const right = counts.reduce((sum, row, i) => sum + (row[i] as number), 0);
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, "actual ↓ · predicted →"),
    ...classes.map((name) => element("th", { scope: "col" }, name)),
    element("th", { scope: "col" }, "found"),
  );
  const rows = counts.map((row, i) => {
    const sum = row.reduce((total, count) => total + count, 0);
    const cells = row.map((count, j) => {
      const cell = element("td", { class: i === j ? "right" : "wrong" }, String(count));
      cell.style.setProperty("--much", `${(100 * count) / Math.max(sum, 1)}%`);
      return cell;
    });
    const share = sum === 0 ? "–" : `${((100 * (row[i] as number)) / sum).toFixed(1)} %`;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, classes[i] as string),
      ...cells,
      element("td", { class: "share" }, share),
    );
  });
  return section(
    "confusion",
    "Labels of rows that it has not seen",
    `${target}: ${right} of ${all} right, ${((100 * right) / Math.max(all, 1)).toFixed(1)} %.`,
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": "The confusion matrix" },
      element(
        "table",
        { class: "matrix" },
        element("thead", {}, head),
        element("tbody", {}, ...rows),
      ),
    ),
  );
}
