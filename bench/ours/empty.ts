// An empty process: what `node` itself takes (ours/first_score.ts).
export {};
