import uPlot from "uplot";

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** The loss over the steps, drawn as it comes. */
export class Curve {
  readonly #holder: HTMLElement;
  #steps: number[] = [];
  #losses: number[] = [];
  #validations: (number | null)[] = [];
  #plot: uPlot;
  #frame = 0;

  constructor(holder: HTMLElement) {
    this.#holder = holder;
    this.#plot = this.#made();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#plot.destroy();
      this.#plot = this.#made();
    });
    new ResizeObserver(() => {
      this.#plot.setSize({ width: holder.clientWidth, height: 280 });
    }).observe(holder);
  }

  clear(): void {
    this.#steps = [];
    this.#losses = [];
    this.#validations = [];
    this.#draw();
  }

  step(step: number, loss: number): void {
    this.#steps.push(step);
    this.#losses.push(loss);
    this.#validations.push(null);
    this.#draw();
  }

  /** The loss of the validation after a step that was drawn. */
  validation(loss: number): void {
    this.#validations[this.#validations.length - 1] = loss;
    this.#draw();
  }

  /** At most once for each picture of the screen. */
  #draw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#plot.setData(this.#data()));
  }

  #data(): uPlot.AlignedData {
    return [this.#steps, this.#losses, this.#validations];
  }

  #made(): uPlot {
    const axis: uPlot.Axis = {
      stroke: colour("faint"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { stroke: colour("line"), width: 1 },
    };
    const value = (_self: uPlot, loss: number | null): string => loss?.toFixed(3) ?? "–";
    return new uPlot(
      {
        width: Math.max(this.#holder.clientWidth, 200),
        height: 280,
        scales: { x: { time: false } },
        axes: [axis, { ...axis, size: 44 }],
        series: [
          { label: "step" },
          { label: "loss", stroke: colour("accent"), width: 1.5, value },
          {
            label: "held-out text",
            stroke: colour("second"),
            width: 2,
            spanGaps: true,
            points: { show: true, size: 6 },
            value,
          },
        ],
      },
      this.#data(),
      this.#holder,
    );
  }
}
