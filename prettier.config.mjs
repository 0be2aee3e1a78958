// Only assembly/base is formatted by Prettier: Biome cannot parse its top-level decorators.
export default { plugins: ["assemblyscript-prettier"], printWidth: 100 };
