import { sigmoidVector, tanhVector } from "../base/activate";
import { expVector } from "../base/exp";
import { LANES, loadLanes, storeLanes, VECTOR } from "../base/lanes";

export function exp_map(n: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < n; i += LANES) {
    storeLanes(y, expVector(loadLanes(x, n - i)), n - i);
    x += VECTOR;
    y += VECTOR;
  }
}

export function sigmoid_map(n: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < n; i += LANES) {
    storeLanes(y, sigmoidVector(loadLanes(x, n - i)), n - i);
    x += VECTOR;
    y += VECTOR;
  }
}

export function tanh_map(n: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < n; i += LANES) {
    storeLanes(y, tanhVector(loadLanes(x, n - i)), n - i);
    x += VECTOR;
    y += VECTOR;
  }
}
