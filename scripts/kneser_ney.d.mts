/** A model of characters: scripts/kneser_ney.mjs. */
export interface CharacterModel {
  readonly size: number;
  readonly probability: (character: string, before: readonly string[]) => number;
}
export function kneserNey(
  lines: readonly string[],
  options?: { readonly order?: number; readonly modified?: boolean },
): CharacterModel;
export function bitsPerCharacter(
  model: CharacterModel,
  lines: readonly string[],
  order?: number,
): { bits: number; characters: number };
