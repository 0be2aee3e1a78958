import type { MapData, TraceData } from "../data.js";
import { colour, element, section, short, shownToken } from "./elements.js";

type Rgb = readonly [number, number, number];

function rgbOf(name: string): Rgb {
  const hex = colour(name).replace("#", "");
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
}

/** A colour between three: those of the lowest, the middle and the highest number. */
function mixed(share: number, [low, middle, high]: readonly [Rgb, Rgb, Rgb]): Rgb {
  const [from, to, by] = share < 0.5 ? [low, middle, share * 2] : [middle, high, share * 2 - 1];
  return from.map((x, i) => x + ((to[i] as number) - x) * by) as unknown as Rgb;
}

const bytesOf = ({ bytes }: MapData): Uint8Array =>
  Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0));

/** Pixels of a number, on the screen of one pixel a point. */
const [CELL_WIDTH, CELL_HEIGHT] = [9, 5];

/** Activations of the units over a text: units from top to bottom, tokens from left to right. */
export function heatMaps({ tokens, maps }: TraceData): HTMLElement {
  const select = element(
    "select",
    { id: "map" },
    ...maps.map(({ name }, i) => element("option", { value: String(i) }, name)),
  );
  const canvas = element("canvas", { tabindex: "0", role: "img" });
  const status = element(
    "output",
    { class: "status", "aria-live": "polite" },
    "Point at the map, or move with the arrow keys.",
  );
  const axis = element(
    "div",
    { class: "axis", "aria-hidden": "true" },
    ...tokens.map((token) => element("span", {}, token === "\n" ? "⏎" : token)),
  );
  const key = element("span", { class: "key" });
  let values = new Uint8Array();
  let place = { unit: 0, step: -1 };

  const current = (): MapData => maps[Number(select.value)] as MapData;
  const draw = (): void => {
    const map = current();
    values = bytesOf(map) as Uint8Array<ArrayBuffer>;
    canvas.width = tokens.length * CELL_WIDTH;
    canvas.height = map.units * CELL_HEIGHT;
    canvas.style.width = `${canvas.width}px`;
    const isSigned = map.low < 0;
    const ramp = [
      rgbOf(isSigned ? "cold" : "card"),
      rgbOf(isSigned ? "card" : "warm-half"),
      rgbOf("warm"),
    ] as const;
    const context = canvas.getContext("2d");
    if (context === null) return;
    for (let unit = 0; unit < map.units; unit++) {
      for (let step = 0; step < tokens.length; step++) {
        const [r, g, b] = mixed((values[unit * tokens.length + step] as number) / 255, ramp);
        context.fillStyle = `rgb(${r} ${g} ${b})`;
        context.fillRect(step * CELL_WIDTH, unit * CELL_HEIGHT, CELL_WIDTH, CELL_HEIGHT);
      }
    }
    key.textContent = `${map.low} to ${map.high}`;
    const what = `${map.name}: ${map.units} units over ${tokens.length} tokens. The arrow keys move through it.`;
    canvas.setAttribute("aria-label", what);
  };
  const say = (unit: number, step: number): void => {
    const map = current();
    if (unit < 0 || unit >= map.units || step < 0 || step >= tokens.length) return;
    place = { unit, step };
    const share = (values[unit * tokens.length + step] as number) / 255;
    const value = map.low + share * (map.high - map.low);
    status.textContent = `unit ${unit} after ${shownToken(tokens[step] as string)}, token ${step + 1}: ${short(Math.round(value * 100) / 100)}`;
  };
  canvas.addEventListener("mousemove", (event) => {
    say(Math.floor(event.offsetY / CELL_HEIGHT), Math.floor(event.offsetX / CELL_WIDTH));
  });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[
      event.key
    ];
    if (by === undefined) return;
    event.preventDefault();
    say(place.unit + (by[0] as number), place.step + (by[1] as number));
  });
  select.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  const made = section(
    "maps",
    "Inside the network",
    "Activations while it reads a text: a row for each hidden unit, a column for each token.",
    element("p", {}, element("label", { for: "map" }, "Show "), select, " ", key),
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": "The map, which scrolls" },
      axis,
      canvas,
    ),
    status,
  );
  // The style decides the colours when the page has it.
  requestAnimationFrame(draw);
  return made;
}
