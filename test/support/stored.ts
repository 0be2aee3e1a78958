/** A tensor as it stands in a fixture: C order, float64 printed exactly. */
export interface Stored {
  shape: number[];
  data: number[];
}

export const loaded = ({ shape, data }: Stored) => ({ shape, data: Float64Array.from(data) });
