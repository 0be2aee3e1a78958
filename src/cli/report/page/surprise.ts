import type { SampleData, TextData } from "../data.js";
import { element, section, shownToken } from "./elements.js";

/** Bits at which the colour is full. */
const FULL = 8;

const sentence = (token: string, bits: number | null): string =>
  bits === null
    ? `${shownToken(token)}: not scored, it comes first`
    : `${shownToken(token)}: ${bits.toFixed(2)} bits, probability ${(100 * 2 ** -bits).toPrecision(2)} %`;

/** A scale from no surprise to much. */
function scale(): HTMLElement {
  const steps = [0, 1, 2, 4, 6, 8].map((bits) => {
    const box = element("span", { class: "swatch" }, String(bits));
    box.style.setProperty("--much", `${(100 * bits) / FULL}%`);
    return box;
  });
  return element("p", { class: "scale" }, "bits: ", ...steps, " or more");
}

/** The text, each token on a background that says how surprising it was. */
export function surprise({ name, tokens, bits }: TextData): HTMLElement {
  const known = bits.filter((each) => each !== null);
  const mean = known.reduce((sum, each) => sum + each, 0) / Math.max(known.length, 1);
  const status = element(
    "output",
    { class: "status", "aria-live": "polite" },
    "Point at the text, or move with the arrow keys.",
  );
  const spans = tokens.map((token, i) => {
    const span = element("span", { class: "token" }, token === "\n" ? "⏎\n" : token);
    span.style.setProperty("--much", `${(100 * Math.min(bits[i] ?? 0, FULL)) / FULL}%`);
    return span;
  });
  let at = -1;
  const choose = (index: number): void => {
    spans[at]?.classList.remove("chosen");
    at = Math.min(Math.max(index, 0), spans.length - 1);
    spans[at]?.classList.add("chosen");
    status.textContent = sentence(tokens[at] as string, bits[at] ?? null);
  };
  const text = element(
    "div",
    {
      class: "text",
      tabindex: "0",
      role: "group",
      "aria-label": `The text, ${tokens.length} tokens: the arrow keys move through it`,
    },
    ...spans,
  );
  text.addEventListener("mouseover", ({ target }) => {
    const index = spans.indexOf(target as HTMLSpanElement);
    if (index >= 0) choose(index);
  });
  text.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -20, ArrowDown: 20 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    choose(at + by);
    spans[at]?.scrollIntoView({ block: "nearest" });
  });
  return section(
    "surprise",
    "A text, coloured by surprise",
    `${name}: ${mean.toFixed(2)} bits per token in the mean. The stronger the colour, the less the model expected the token.`,
    scale(),
    text,
    status,
  );
}

/** Texts that the model made. */
export function samples(all: readonly SampleData[]): HTMLElement {
  return section(
    "samples",
    "Samples",
    "What the model writes. A low temperature takes the likelier tokens, 1 the probabilities as they are.",
    ...all.map(({ temperature, prompt, text }) =>
      element(
        "figure",
        { class: "sample" },
        element("figcaption", {}, `temperature ${temperature}`),
        element("pre", {}, element("b", {}, prompt), text),
      ),
    ),
  );
}
