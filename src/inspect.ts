/**
 * Looks into language models: what every layer does at every step, and which tokens a prediction comes from.
 *
 * @module recurra/inspect
 */
export { type AttributeOptions, type Attribution, attribute } from "./inspection/attribution.js";
export { type Trace, type TraceLayer, type TraceOptions, trace } from "./inspection/trace.js";
