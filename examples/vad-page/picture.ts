import { CHUNK, RATE } from "../vad/voice_activity.js";
import type { Recording } from "./recording.js";

/** What of a recording is shown, and how. */
export interface View {
  /** The seconds at both edges. */
  readonly from: number;
  readonly to: number;
  readonly thresholds: readonly [number, number];
  /** The second that is played. */
  readonly playhead: number | undefined;
  /** The second under the pointer. */
  readonly pointer: number | undefined;
}

/** Heights of the lanes, in CSS pixels. */
const WAVE = 168;
const GAP = 14;
const CURVE = 84;
const AXIS = 26;
export const HEIGHT = WAVE + GAP + CURVE + AXIS;
/** Room for the labels of the probability. */
export const LEFT = 34;
export const RIGHT = 10;

type Colours = Record<"ink" | "faint" | "line" | "band" | "speech" | "silence" | "curve", string>;

function coloursOf(canvas: HTMLCanvasElement): Colours {
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour("ink"),
    faint: colour("faint"),
    line: colour("line"),
    band: colour("band"),
    speech: colour("speech"),
    silence: colour("silence"),
    curve: colour("curve"),
  };
}

/** Draws waveform, segments and probabilities. */
export function draw(canvas: HTMLCanvasElement, recording: Recording, view: View): void {
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const width = canvas.clientWidth;
  const scale = window.devicePixelRatio;
  const [w, h] = [Math.round(width * scale), Math.round(HEIGHT * scale)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, HEIGHT);
  context.font = '11px system-ui, "Segoe UI", sans-serif';
  const picture = new Picture(context, coloursOf(canvas), width, view);
  picture.axis();
  picture.bands(recording);
  picture.wave(recording);
  picture.curve(recording);
  picture.marks(recording);
}

class Picture {
  readonly #c: CanvasRenderingContext2D;
  readonly #colours: Colours;
  readonly #right: number;
  readonly #view: View;

  constructor(context: CanvasRenderingContext2D, colours: Colours, width: number, view: View) {
    this.#c = context;
    this.#colours = colours;
    this.#right = width - RIGHT;
    this.#view = view;
  }

  axis(): void {
    const { from, to } = this.#view;
    const [c, { faint, line }] = [this.#c, this.#colours];
    const step = stepOf((to - from) / ((this.#right - LEFT) / 84));
    c.textBaseline = "top";
    c.textAlign = "center";
    for (let i = Math.ceil(from / step); i * step <= to; i++) {
      const x = this.#x(i * step);
      this.#line(x, 0, x, WAVE + GAP + CURVE, line);
      c.fillStyle = faint;
      // The first and the last label stay inside.
      const middle = Math.min(Math.max(x, LEFT + 8), this.#right - 8);
      c.fillText(timeOf(i * step, step, to), middle, WAVE + GAP + CURVE + 8);
    }
    c.textBaseline = "middle";
    c.textAlign = "right";
    for (const p of [0, 0.5, 1]) {
      this.#line(LEFT, this.#y(p), this.#right, this.#y(p), line);
      c.fillStyle = faint;
      c.fillText(String(p), LEFT - 8, this.#y(p));
    }
    this.#line(LEFT, WAVE / 2, this.#right, WAVE / 2, line);
  }

  /** Segments, and the speech that goes on. */
  bands({ segments, since, seconds }: Recording): void {
    const c = this.#c;
    const all = segments.map(({ start, end }) => [start, end] as const);
    if (since !== undefined) all.push([since, seconds]);
    for (const [start, end] of all) {
      const [left, right] = [Math.max(this.#x(start), LEFT), Math.min(this.#x(end), this.#right)];
      if (right <= left) continue;
      c.fillStyle = this.#colours.band;
      c.fillRect(left, 0, right - left, WAVE + GAP + CURVE);
      c.fillStyle = this.#colours.speech;
      c.fillRect(left, 0, right - left, 3);
    }
  }

  wave(recording: Recording): void {
    const { from, to } = this.#view;
    const c = this.#c;
    const perPixel = (to - from) / (this.#right - LEFT);
    // Quiet sound is shown, too: the loudest sample fills the lane, but noise at rest stays small.
    const loudest = Math.max(0.05, loudestOf(recording, from, to));
    const middle = WAVE / 2;
    const tall = (middle - 8) / loudest;
    const spoken = spans(recording);
    let next = 0;
    for (let x = LEFT; x < this.#right; x++) {
      const begin = from + (x - LEFT) * perPixel;
      if (begin < 0 || begin >= recording.seconds) continue;
      const [low, high] = recording.peaks(begin, begin + perPixel);
      while ((spoken[next]?.[1] ?? Number.POSITIVE_INFINITY) <= begin) next++;
      const inside = begin >= (spoken[next]?.[0] ?? Number.POSITIVE_INFINITY);
      c.fillStyle = inside ? this.#colours.speech : this.#colours.silence;
      const top = middle - high * tall;
      c.fillRect(x, top, 1, Math.max((high - low) * tall, 1));
    }
  }

  curve({ probabilities }: Recording): void {
    const { from, to, thresholds } = this.#view;
    const c = this.#c;
    c.setLineDash([3, 3]);
    for (const p of thresholds) {
      this.#line(LEFT, this.#y(p), this.#right, this.#y(p), this.#colours.faint);
    }
    c.setLineDash([]);
    const chunk = CHUNK / RATE;
    const first = Math.max(Math.floor(from / chunk), 0);
    const last = Math.min(Math.ceil(to / chunk), probabilities.length);
    // As many chunks to a point as a pixel holds: the greatest counts.
    const group = Math.max(Math.floor((to - from) / chunk / (this.#right - LEFT)), 1);
    c.beginPath();
    for (let i = first - (first % group); i < last; i += group) {
      let most = 0;
      for (let j = i; j < Math.min(i + group, last); j++) {
        most = Math.max(most, probabilities[j] as number);
      }
      const x = Math.min(Math.max(this.#x((i + group / 2) * chunk), LEFT), this.#right);
      c.lineTo(x, this.#y(most));
    }
    c.strokeStyle = this.#colours.curve;
    c.lineWidth = 1.5;
    c.lineJoin = "round";
    c.stroke();
    c.lineWidth = 1;
  }

  /** The playhead, and what is under the pointer. */
  marks({ probabilities }: Recording): void {
    const { playhead, pointer } = this.#view;
    const [c, { ink }] = [this.#c, this.#colours];
    if (playhead !== undefined) {
      const x = this.#x(playhead);
      this.#line(x, 0, x, WAVE + GAP + CURVE, ink);
    }
    if (pointer === undefined) return;
    const probability = probabilities[Math.floor((pointer * RATE) / CHUNK)];
    if (probability === undefined) return;
    const x = this.#x(pointer);
    c.setLineDash([2, 2]);
    this.#line(x, 0, x, WAVE + GAP + CURVE, ink);
    c.setLineDash([]);
    c.beginPath();
    c.arc(x, this.#y(probability), 3, 0, 2 * Math.PI);
    c.fillStyle = this.#colours.curve;
    c.fill();
    const isRight = x > this.#right - 110;
    c.textAlign = isRight ? "right" : "left";
    c.textBaseline = "middle";
    c.fillStyle = ink;
    const label = `${pointer.toFixed(2)} s · ${probability.toFixed(2)}`;
    c.fillText(label, isRight ? x - 7 : x + 7, WAVE + GAP / 2);
  }

  #x(second: number): number {
    const { from, to } = this.#view;
    return LEFT + ((second - from) / (to - from)) * (this.#right - LEFT);
  }

  #y(probability: number): number {
    return WAVE + GAP + CURVE * (1 - probability);
  }

  #line(x0: number, y0: number, x1: number, y1: number, colour: string): void {
    const c = this.#c;
    // Half a pixel, so that a line of one pixel covers one.
    const [a, b] = x0 === x1 ? [0.5, 0] : [0, 0.5];
    c.strokeStyle = colour;
    c.beginPath();
    c.moveTo(Math.floor(x0) + a, Math.floor(y0) + b);
    c.lineTo(Math.floor(x1) + a, Math.floor(y1) + b);
    c.stroke();
  }
}

/** The stretches of speech, in order. */
const spans = ({ segments, since, seconds }: Recording): (readonly [number, number])[] => [
  ...segments.map(({ start, end }) => [start, end] as const),
  ...(since === undefined ? [] : [[since, seconds] as const]),
];

/** The greatest distance from 0 of what is shown. */
function loudestOf({ lows, highs }: Recording, from: number, to: number): number {
  const chunk = CHUNK / RATE;
  const last = Math.min(Math.ceil(to / chunk), highs.length);
  let most = 0;
  for (let i = Math.max(Math.floor(from / chunk), 0); i < last; i++) {
    most = Math.max(most, highs[i] as number, -(lows[i] as number));
  }
  return most;
}

/** A round number of seconds, at least `least`. */
function stepOf(least: number): number {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  return steps.find((step) => step >= least) ?? 7200;
}

/** A time on the axis: 0.5 s, 12 s; minutes and seconds where it goes on for a minute. */
function timeOf(second: number, step: number, to: number): string {
  if (step < 1) return `${second.toFixed(1)} s`;
  if (to < 60) return `${Math.round(second)} s`;
  const rest = String(Math.round(second % 60)).padStart(2, "0");
  return `${Math.floor(second / 60)}:${rest}`;
}
