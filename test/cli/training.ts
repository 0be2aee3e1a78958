/** Lines that a small network can learn something of: 26 kB. */
export const TEXT = Array.from({ length: 600 }, (_, i) => {
  const [who, what] = [
    ["the cat", "a dog", "one bird"][i % 3],
    ["sat", "slept", "sang", "ate"][(i * 7) % 4],
  ];
  return `${who} ${what} ${i % 5 === 0 ? "all day long" : "on the mat"} and left\n`;
}).join("");

/** A table of 400 rows: the price follows the load, the state the price. */
export const TABLE = `time,load,price,state\n${Array.from({ length: 400 }, (_, t) => {
  const load = Math.round(1000 * (50 + 20 * Math.sin(t / 6))) / 1000;
  const price = Math.round(1000 * (10 + 0.4 * load + Math.sin(t / 2))) / 1000;
  return `2026-01-01T${t},${load},${price},${price > 30 ? "high" : "low"}`;
}).join("\n")}\n`;

/** Options of a run that takes about a second. */
export const SMALL = ["--hidden-size", "12", "--embedding", "6", "--batch-size", "4"];
