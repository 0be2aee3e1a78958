import uPlot from "uplot";
import { colour, element, short } from "./elements.js";

/** A line of a chart. */
export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly width?: number;
  /** Whether single points are shown, and joined over steps that have none. */
  readonly points?: boolean;
}

export interface ChartOptions {
  readonly title: string;
  readonly x: readonly number[];
  readonly xName: string;
  readonly lines: readonly Line[];
  readonly height?: number;
  readonly logarithmic?: boolean;
}

const HEIGHT = 240;
/** Space for the labels of the vertical axis. */
const LABELS = 64;

/** A line's number in the legend; of one with gaps the last one before the cursor. */
function shownAt({ values, points }: Line, value: number | null, index: number | null): string {
  if (index === null) return "–";
  const known = points === true ? values.slice(0, index + 1).filter((each) => each !== null) : [];
  const last = value ?? known.at(-1);
  return last === undefined ? "–" : short(last);
}

function optionsOf(
  { x: _, xName, lines, height = HEIGHT, logarithmic }: ChartOptions,
  width: number,
) {
  const axis: uPlot.Axis = {
    stroke: colour("faint"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const options: uPlot.Options = {
    width,
    height,
    scales: { x: { time: false }, y: logarithmic === true ? { distr: 3 } : {} },
    axes: [
      { ...axis, label: xName, labelFont: axis.font as string, labelSize: 22, size: 36 },
      {
        ...axis,
        size: LABELS,
        values: (_self, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))),
      },
    ],
    series: [
      { label: xName },
      ...lines.map(
        (line): uPlot.Series => ({
          label: line.name,
          stroke: colour(line.colour),
          width: line.width ?? 1.5,
          spanGaps: line.points === true,
          points: { show: line.points === true, size: 5, fill: colour(line.colour) },
          value: (_self, value, _series, index) => shownAt(line, value, index),
        }),
      ),
    ],
    cursor: { drag: { x: true, y: false } },
    legend: { live: true },
  };
  return options;
}

/** What a chart shows, for those who do not see it. */
function describe({ title, lines, xName, x }: ChartOptions): string {
  const parts = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${name}: none`;
    const least = known.reduce((a, b) => Math.min(a, b));
    return `${name}: from ${short(known[0] as number)} to ${short(known.at(-1) as number)}, least ${short(least)}`;
  });
  return `${title} over ${xName} ${x[0]} to ${x.at(-1)}. ${parts.join(". ")}.`;
}

/** The arrow keys move the cursor, as the mouse does. */
function keys(holder: HTMLElement, chart: () => uPlot | undefined): void {
  holder.addEventListener("keydown", (event) => {
    const plot = chart();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (plot === undefined || step === undefined) return;
    event.preventDefault();
    const count = plot.data[0].length;
    const by = step * (event.shiftKey ? Math.max(1, Math.floor(count / 20)) : 1);
    const now = plot.cursor.idx ?? (step > 0 ? -1 : count);
    const index = Math.min(Math.max(now + by, 0), count - 1);
    plot.setCursor({ left: plot.valToPos(plot.data[0][index] as number, "x"), top: 10 });
  });
}

/** A chart that keeps to the width of its place and to the colours of the page. */
export function chart(options: ChartOptions): HTMLElement {
  const holder = element("div", {
    class: "chart",
    tabindex: "0",
    role: "img",
    "aria-label": describe(options),
  });
  const figure = element("figure", {}, element("figcaption", {}, options.title), holder);
  let plot: uPlot | undefined;
  const data = [options.x, ...options.lines.map(({ values }) => values)] as uPlot.AlignedData;
  const draw = (): void => {
    plot?.destroy();
    const width = Math.max(holder.clientWidth, 200);
    plot = new uPlot(optionsOf(options, width), data, holder);
  };
  keys(holder, () => plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = 0;
  new ResizeObserver(() => {
    if (holder.clientWidth === width) return;
    width = holder.clientWidth;
    if (plot === undefined) draw();
    else plot.setSize({ width: Math.max(width, 200), height: options.height ?? HEIGHT });
  }).observe(holder);
  return figure;
}
