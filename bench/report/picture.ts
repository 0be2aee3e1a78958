// The picture for the README: how many times our time the rivals take, on a logarithmic axis. Colours hold on a light and
// on a dark page; the background is the page's own.
import type { Work } from "../cases/cases.js";
import { type Results, ratio } from "./results.js";

const INK = "#7d8590";
const colours: Record<string, string> = {
  web: "#e08b2d",
  tfwasm: "#3b8eea",
  node: "#a371d6",
  plain: "#8c959f",
  numpy: "#2da44e",
};

interface Panel {
  title: string;
  ours: string;
  rows: [label: string, work: Work, name: string][];
  rivals: string[];
  /** Ends of the axis, powers of ten or halves of them. */
  axis: [number, number];
  ticks: number[];
}

const [WIDTH, LEFT, PLOT, TOP] = [410, 48, 300, 58];
const [BAR, GAP] = [8, 9];

function panels(results: Results): Panel[] {
  const f32 = results.contenders.some(({ id }) => id === "f32");
  const forward: Panel["rows"] = ["S1", "S2", "S3", "S4", "S5", "S6"].map((name) => [
    ...([name, "lstm-forward", name] as const),
  ]);
  const train: Panel["rows"] = ["S1", "S2", "S3", "S4", "S5"].map((name) => [
    ...([name, "lstm-train", name] as const),
  ]);
  return [
    {
      ...{ title: `LSTM forward, Recurra ${f32 ? "f32" : "f64"}`, ours: f32 ? "f32" : "f64" },
      rows: [...forward, ["step", "lstm-step", "S2"]],
      ...{ rivals: ["web", "tfwasm", "node"], axis: [0.1, 300], ticks: [0.3, 1, 3, 10, 30, 100] },
    },
    {
      ...{ title: "LSTM forward + backward, Recurra f64", ours: "f64", rows: train },
      ...{
        rivals: ["plain", "tfwasm", "numpy"],
        axis: [0.3, 300],
        ticks: [1, 3, 10, 30, 100],
      },
    },
  ];
}

const label = (value: number): string => `${value >= 10 ? value.toFixed(0) : value.toFixed(1)}×`;

function draw(results: Results, panel: Panel, left: number, titles: Map<string, string>): string {
  const [low, high] = panel.axis;
  const place = (value: number): number => {
    const inside = Math.min(high, Math.max(low, value));
    return left + LEFT + (PLOT * Math.log(inside / low)) / Math.log(high / low);
  };
  const rowHeight = panel.rivals.length * BAR + GAP;
  const bottom = TOP + panel.rows.length * rowHeight;
  const one = place(1).toFixed(1);
  const ticks = panel.ticks.map((tick) => {
    const x = place(tick).toFixed(1);
    const dash = tick === 1 ? "" : ' stroke-dasharray="1 3"';
    return `<path d="M${x} ${TOP - 4}V${bottom}" stroke="${INK}"${dash}/><text x="${x}" y="${bottom + 13}" text-anchor="middle">${tick}×</text>`;
  });
  const bars = panel.rows.flatMap(([text, work, name], r) => {
    const top = TOP + r * rowHeight;
    const middle = top + (panel.rivals.length * BAR) / 2 + 4;
    const own = panel.rivals.map((rival, i) => {
      const value = ratio(results, work, name, [panel.ours, rival]);
      if (value === undefined) return "";
      const [from, to] = [Math.min(place(1), place(value)), Math.max(place(1), place(value))];
      const y = top + i * BAR;
      return `<rect x="${from.toFixed(1)}" y="${y}" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR - 1}" fill="${colours[rival]}"/><text x="${(to + 3).toFixed(1)}" y="${y + 7}" font-size="8.5">${label(value)}</text>`;
    });
    return [`<text x="${left + LEFT - 8}" y="${middle}" text-anchor="end">${text}</text>`, ...own];
  });
  const legend = panel.rivals.map((rival, i) => {
    const x = left + LEFT + i * 122;
    return `<rect x="${x}" y="34" width="9" height="9" fill="${colours[rival]}"/><text x="${x + 13}" y="42" font-size="10">${titles.get(rival)}</text>`;
  });
  const title = `<text x="${left + LEFT}" y="20" font-size="13" font-weight="600">${panel.title}</text>`;
  const axis = `<text x="${one}" y="${bottom + 27}" font-size="10" text-anchor="middle">time beside Recurra’s: longer is slower</text>`;
  return [title, ...legend, ...ticks, ...bars, axis].join("\n");
}

export function picture(results: Results): string {
  const drawn = panels(results);
  const titles = new Map([
    ...([
      ["web", "onnxruntime-web"],
      ["tfwasm", "TensorFlow.js wasm"],
    ] as const),
    ...([
      ["node", "onnxruntime-node"],
      ["plain", "plain JavaScript"],
    ] as const),
    ["numpy", "numpy"] as const,
  ]);
  const rows = Math.max(
    ...drawn.map(({ rows, rivals }) => rows.length * (rivals.length * BAR + GAP)),
  );
  const height = TOP + rows + 36;
  const width = drawn.length * WIDTH;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="11" fill="${INK}" role="img">`,
    `<title>How many times Recurra's time others take, logarithmic; right of the line Recurra is faster. ${results.machine.cpu}, Node ${results.machine.node}</title>`,
    ...drawn.map((panel, i) => draw(results, panel, i * WIDTH, titles)),
    "</svg>\n",
  ].join("\n");
}
