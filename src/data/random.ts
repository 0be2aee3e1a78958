/** A 32-bit mix of a number, a bijection: the finaliser of MurmurHash3 (Appleby). */
function mix(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * An integer in 0 … below − 1, drawn for a place in a sequence: a function of seed and place alone, the same on every host. So
 * a run that goes on in the middle draws what it would have drawn.
 *
 * @param below at most 2^32
 */
export function drawnAt(seed: number, place: number, below: number): number {
  const high = (n: number): number => Math.floor(n / 2 ** 32);
  let h = mix(seed + 0x9e3779b9);
  for (const part of [high(seed), place, high(place)]) h = mix((h ^ (part | 0)) + 0x9e3779b9);
  return Math.floor((h / 2 ** 32) * below);
}
