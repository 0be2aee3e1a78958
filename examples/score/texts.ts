/** A text, and two short lines that say what it is. */
export interface Text {
  readonly kind: readonly [string, string];
  readonly text: string;
}

/** An English sentence, the same sentence spoiled more and more, and texts that are not English. */
export const TEXTS: readonly Text[] = [
  { kind: ["English", "sentence"], text: "We waited all day for the last train." },
  { kind: ["words", "shuffled"], text: "train the day for last We all waited." },
  { kind: ["with", "a typo"], text: "We waited all day for the lsat train." },
  { kind: ["another", "language"], text: "Wir warten seit heute auf den Zug." },
  { kind: ["letters", "shuffled"], text: "eW wtdaie lal yda rof eht tlsa iatrn." },
  { kind: ["keyboard", "mash"], text: "Kj sdflkq wej hrs dfj kwq oez xcvm,w." },
];
