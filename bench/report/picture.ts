// The picture for the README: how many times as long as Recurra the others take, on a logarithmic axis. It is drawn from the
// table in docs/performance.md, so that the two never disagree. Colours are legible on a light and on a dark page; the
// background is the page's own.

const INK = "#7d8590";

interface Rival {
  /** The head of its column in the table. */
  readonly column: string;
  readonly title: string;
  readonly colour: string;
}

const RIVALS = {
  web: { column: "onnxruntime-web f32", title: "onnxruntime-web f32", colour: "#e08b2d" },
  tensorflow: {
    column: "TensorFlow.js wasm f32",
    title: "TensorFlow.js wasm f32",
    colour: "#3b8eea",
  },
  node: {
    column: "onnxruntime-node f32 (native)",
    title: "onnxruntime, native f32",
    colour: "#a371d6",
  },
  plain: { column: "plain JavaScript f64", title: "plain JavaScript f64", colour: "#8c959f" },
  numpy: { column: "numpy's loop f64 (native)", title: "numpy, native f64", colour: "#2da44e" },
} as const satisfies Record<string, Rival>;

interface Panel {
  readonly title: string;
  readonly ours: "f64" | "f32";
  /** Work and case, as the table names them. */
  readonly rows: readonly (readonly [work: string, name: string])[];
  readonly rivals: readonly Rival[];
  /** Ends of the axis. */
  readonly axis: readonly [number, number];
  readonly ticks: readonly number[];
}

const PANELS: readonly Panel[] = [
  {
    title: "Inference, Recurra in float32",
    ours: "f32",
    rows: [
      ["LSTM, one step", "S2"],
      ...["S1", "S2", "S3", "S4", "S5", "S6"].map((name) => ["LSTM forward", name] as const),
    ],
    rivals: [RIVALS.web, RIVALS.tensorflow, RIVALS.node],
    axis: [0.15, 150],
    ticks: [0.3, 1, 3, 10, 30, 100],
  },
  {
    title: "Training (forward + backward), Recurra in float64",
    ours: "f64",
    rows: ["S1", "S2", "S3", "S4", "S5"].map((name) => ["LSTM forward + backward", name] as const),
    rivals: [RIVALS.plain, RIVALS.tensorflow, RIVALS.numpy],
    axis: [0.3, 200],
    ticks: [1, 3, 10, 30, 100],
  },
];

/** Rows of the first table that has columns for work and case: head → cell. */
function rowsOf(page: string): Map<string, string>[] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => /^\| work +\| case /.test(line));
  if (start < 0) throw new Error("docs/performance.md: no table of works and cases");
  const cells = (line: string): string[] =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const head = cells(lines[start] ?? "");
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines
    .slice(start + 2, end < 0 ? undefined : end)
    .map((line) => new Map(cells(line).map((cell, i) => [head[i] ?? "", cell])));
}

/** "241 µs · 0.69× · 1.47×": times our f64, then, if we have it, times our f32. */
function ratio(row: Map<string, string>, rival: Rival, ours: Panel["ours"]): number | undefined {
  const ratios = row.get(rival.column)?.match(/[\d.]+(?=×)/g) ?? [];
  const text = ratios[ours === "f64" ? 0 : 1];
  return text === undefined ? undefined : Number(text);
}

/** What was measured: "LSTM, 64 units" and "one sequence of 128 steps". */
function label(row: Map<string, string>): [string, string] {
  const [, units, sequences, steps] = row.get("nx, na, m, T")?.split(", ") ?? [];
  const first = `LSTM, ${units} units`;
  if (row.get("work") === "LSTM, one step") return [first, "one step of a live stream"];
  const count = sequences === "1" ? "one sequence" : `${sequences} sequences`;
  return [first, `${count} of ${steps} steps`];
}

const [WIDTH, LEFT, PLOT, TOP] = [470, 165, 255, 58];
const [BAR, GAP] = [8, 10];
const rowHeight = (panel: Panel): number => panel.rivals.length * BAR + GAP;

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y}"${attributes && ` ${attributes}`}>${content}</text>`;
}

/** Where a ratio stands on the axis; beyond its ends, at them. */
function scale({ axis: [low, high] }: Panel, left: number): (value: number) => number {
  return (value) => {
    const inside = Math.min(high, Math.max(low, value));
    return left + LEFT + (PLOT * Math.log(inside / low)) / Math.log(high / low);
  };
}

function drawRow(panel: Panel, row: Map<string, string>, left: number, top: number): string[] {
  const place = scale(panel, left);
  const middle = top + (panel.rivals.length * BAR) / 2;
  const bars = panel.rivals.flatMap((rival, i) => {
    const value = ratio(row, rival, panel.ours);
    if (value === undefined) return [];
    const [from, to] = [Math.min(place(1), place(value)), Math.max(place(1), place(value))];
    const y = top + i * BAR;
    const width = Math.max(1, to - from).toFixed(1);
    return [
      `<rect x="${from.toFixed(1)}" y="${y}" width="${width}" height="${BAR - 1}" fill="${rival.colour}"/>`,
      text(
        to + 3,
        y + 7,
        `${value >= 10 ? value.toFixed(0) : value.toFixed(1)}×`,
        'font-size="8.5"',
      ),
    ];
  });
  const [first, second] = label(row);
  return [
    text(left + LEFT - 8, middle - 1, first, 'text-anchor="end" font-weight="600"'),
    text(left + LEFT - 8, middle + 10, second, 'text-anchor="end"'),
    ...bars,
  ];
}

function drawPanel(panel: Panel, table: readonly Map<string, string>[], left: number): string {
  const bottom = TOP + panel.rows.length * rowHeight(panel);
  const place = scale(panel, left);
  const legend = panel.rivals.flatMap(({ title, colour }, i) => {
    const x = left + 12 + i * 152;
    return [
      `<rect x="${x}" y="34" width="9" height="9" fill="${colour}"/>`,
      text(x + 13, 42, title),
    ];
  });
  const ticks = panel.ticks.flatMap((tick) => {
    const dash = tick === 1 ? "" : ' stroke-dasharray="1 3"';
    return [
      `<path d="M${place(tick).toFixed(1)} ${TOP - 4}V${bottom}" stroke="${INK}"${dash}/>`,
      text(place(tick), bottom + 13, `${tick}×`, 'text-anchor="middle"'),
    ];
  });
  const rows = panel.rows.flatMap(([work, name], i) => {
    const row = table.find((one) => one.get("work") === work && one.get("case") === name);
    if (row === undefined) throw new Error(`docs/performance.md: no row for ${work} ${name}`);
    return drawRow(panel, row, left, TOP + i * rowHeight(panel));
  });
  return [
    text(left + 12, 20, panel.title, 'font-size="13" font-weight="600"'),
    ...legend,
    ...ticks,
    ...rows,
    text(left + LEFT, bottom + 27, "time of the other, divided by Recurra’s: longer is slower"),
  ].join("\n");
}

/** @param page the text of docs/performance.md */
export function picture(page: string): string {
  const table = rowsOf(page);
  const height =
    TOP + Math.max(...PANELS.map((panel) => panel.rows.length * rowHeight(panel))) + 36;
  const width = PANELS.length * WIDTH;
  // "AMD EPYC, 2 cores, … · Node v20.20.2 (…) · commit e545266 · 2026-11-24 · full run"
  const machine = page.split("\n").find((line) => / · Node v/.test(line)) ?? "";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="10" fill="${INK}" role="img">`,
    `<title>How many times as long as Recurra others take, on a logarithmic axis. To the right of 1× Recurra is faster. ${machine}</title>`,
    ...PANELS.map((panel, i) => drawPanel(panel, table, i * WIDTH)),
    "</svg>\n",
  ].join("\n");
}
