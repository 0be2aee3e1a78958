import { type Goal, verdict } from "./goals.js";
import { aligned, digits } from "./markdown.js";

function goalRow(goal: Goal): string[] {
  const bounds = (pick: "must" | "aim"): string => {
    const named = new Map<number, string[]>();
    for (const row of goal.rows) named.set(row[pick], [...(named.get(row[pick]) ?? []), row.label]);
    const sign = goal.better === "more" ? "≥" : "≤";
    return [...named]
      .map(([value, labels]) => {
        const who = named.size === 1 ? "" : `${labels.join(" ")} `;
        return `${who}${sign} ${value}${goal.unit}`;
      })
      .join(", ");
  };
  const measured = goal.rows
    .map(({ label, value }) => `${label} ${value === undefined ? "–" : digits(value)}`)
    .join(", ");
  return [goal.title, bounds("must"), bounds("aim"), measured, verdict(goal)];
}

/** The goals of which something was measured, with their verdicts. */
export function goalsTable(goals: readonly Goal[]): string {
  const head = ["goal", "must reach", "aim", "measured", "verdict"];
  const measured = goals.filter(({ rows }) => rows.some(({ value }) => value !== undefined));
  return aligned([head, ...measured.map(goalRow)]);
}
