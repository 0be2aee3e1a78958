import type { ReportData } from "../data.js";
import { curves } from "./curves.js";
import { element } from "./elements.js";
import { heatMaps } from "./heat_map.js";
import { samples, surprise } from "./surprise.js";
import { confusion, forecasts } from "./table.js";

const data: ReportData = JSON.parse(document.getElementById("data")?.textContent ?? "");

/** The fact that a reader looks for first. */
const WIDE = "held-out data";

const facts = element(
  "dl",
  { class: "facts" },
  ...data.facts.map(([name, value]) =>
    element(
      "div",
      name === WIDE ? { class: "wide" } : {},
      element("dt", {}, name),
      element("dd", {}, value),
    ),
  ),
);

const parts: HTMLElement[] = [];
if (data.history !== undefined) parts.push(curves(data.history));
if (data.forecasts !== undefined) parts.push(forecasts(data.forecasts));
if (data.confusion !== undefined) parts.push(confusion(data.confusion));
if (data.text !== undefined) parts.push(surprise(data.text));
if (data.trace !== undefined) parts.push(heatMaps(data.trace));
if (data.samples.length > 0) parts.push(samples(data.samples));

const links = parts.map((part) =>
  element("a", { href: `#${part.id}` }, part.querySelector("h2")?.textContent ?? part.id),
);
document.body.append(
  element(
    "header",
    {},
    element("h1", {}, data.title),
    facts,
    element("nav", { "aria-label": "Parts" }, ...links),
  ),
  element("main", {}, ...parts),
);
