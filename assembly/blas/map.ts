import { LANES, loadLanes, storeLanes, VECTOR } from "../base/lanes";
export function exp_map(n: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < n; i += LANES) {
    storeLanes(y, loadLanes(x, n - i), n - i);
    x += VECTOR;
    y += VECTOR;
  }
}
