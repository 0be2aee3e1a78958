type Content = Node | string;

/** An element with attributes and content. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...content: readonly Content[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content);
  return made;
}

/** A section of the page, with a heading and a sentence. */
export function section(
  id: string,
  title: string,
  about: string,
  ...content: readonly Content[]
): HTMLElement {
  const heading = element("h2", { id: `${id}-title` }, title);
  const text = element("p", { class: "about" }, about);
  return element("section", { id, "aria-labelledby": `${id}-title` }, heading, text, ...content);
}

/** A colour of the page's style, as it is now: light or dark. */
export const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A token as it is shown in a sentence. */
export const shownToken = (token: string): string =>
  `“${token.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replaceAll(" ", "␣")}”`;

/** A number of about four digits. */
export const short = (x: number): string =>
  Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3)
    ? x.toExponential(2)
    : String(Number(x.toPrecision(4)));
