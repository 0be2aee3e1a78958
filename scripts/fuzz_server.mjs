// Why this exists: what a stranger can send is found by trying. Starts the service and sends requests that are made from its
// own OpenAPI document, valid ones and ones with hostile values anywhere, and frames to its WebSocket. One rule: each request
// has an answer, 2xx or a problem+json with a code that is known, never 500; a method that the document does not name for a
// path has 405, and Allow names those that it does; afterwards the service scores with the same bits,
// and no object has a new property. Equal seeds give equal cases.
// Usage: npm run build && npm run fuzz:server -- [--seconds N] [--seed N]
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { PROBLEMS, startServer } from "recurra-server";
import { WebSocket } from "ws";
import { jsonOf, textOf } from "./fuzz/requests.mjs";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: "1" } },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error("usage: npm run fuzz:server -- [--seconds N] [--seed N]");
  process.exit(2);
}
const MODEL = fileURLToPath(new URL("../models/english-characters.safetensors", import.meta.url));
const LINE = "The ship came home.";
/** Requests on the way at a time, and milliseconds after which one counts as one that never ends. */
const [AT_ONCE, PATIENCE] = [8, 30_000];

const failures = [];
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error) => failures.push(`${event}: ${error?.stack ?? error}`));
}
const server = await startServer({
  models: { english: { file: MODEL } },
  port: 0,
  workers: 1,
  logLevel: "silent",
  allowUpload: true,
  adminToken: "a-token-that-nobody-guesses",
  maxBody: 262_144,
  maxStreams: 2000,
  maxLoopDelay: 0,
  timeout: 5000,
});
const document = await (await fetch(`${server.url}/openapi.json`)).json();
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

async function score() {
  const response = await fetch(`${server.url}/v1/score`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sequences: [LINE] }),
  });
  return (await response.json()).results?.[0]?.logProb;
}

/** A path with its parameters. */
const pathOf = (path, named) =>
  path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(named[`path ${name}`]));

/** The methods that the document names for a path, and HEAD beside GET. A path may fit a parameter of another one, too. */
const methodsOf = (path) =>
  Object.entries(document.paths)
    .filter(([each]) => new RegExp(`^${each.replace(/\{\w+\}/g, "[^/]+")}$`).test(path))
    .flatMap(([, methods]) => Object.keys(methods))
    .flatMap((method) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]));

/** A request by a method that the document does not name for the path. Names that are no paths of their own stand in it. */
const otherMethod = fc
  .tuple(
    fc.constantFrom(...Object.keys(document.paths)),
    fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"),
    fc.stringMatching(/^[a-z]{1,20}-[0-9]$/),
  )
  .filter(([path, method]) => !methodsOf(path).includes(method))
  .map(([path, method, name]) => ({
    method,
    path: path.replace(/\{\w+\}/g, name),
    allow: methodsOf(path),
  }));

/** A request to an operation: its path's parameters, query and body by the schemas, some of them hostile. */
function requestOf({ path, method, operation }) {
  const parameters = operation.parameters ?? [];
  const named = Object.fromEntries(
    parameters.map((each) => [`${each.in} ${each.name}`, textOf(each.schema, document)]),
  );
  const content = operation.requestBody?.content ?? {};
  const [type] = Object.keys(content);
  const body = type === undefined ? fc.constant(undefined) : jsonOf(content[type].schema, document);
  const types = [
    type,
    type,
    type,
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "application/octet-stream",
  ];
  return fc
    .record({ named: fc.record(named), body, type: fc.constantFrom(...types) })
    .map((found) => ({
      method: method.toUpperCase(),
      path: pathOf(path, found.named),
      type: found.type,
      body: found.body,
    }));
}

async function send({ method, path, type, body }) {
  const headers = type === undefined || body === undefined ? {} : { "content-type": type };
  const hasBody = body !== undefined && method !== "GET" && method !== "HEAD";
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers,
    signal,
    ...(hasBody ? { body } : {}),
  });
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    allow: response.headers.get("allow")?.split(", ") ?? [],
    text: await response.text(),
  };
}

/** What is wrong with an answer. @param allow the methods that it has to name, if the request had another one */
function faultOf({ status, type, text, allow: allowed }, allow) {
  if (status === 500) return "500";
  if (allow !== undefined && (status !== 405 || allow.some((method) => !allowed.includes(method))))
    return `${status} with Allow: ${allowed.join(", ")}`;
  if (status < 400) return undefined;
  if (!type?.startsWith("application/problem+json")) return `${status} with the type ${type}`;
  const { code } = JSON.parse(text);
  return Object.hasOwn(PROBLEMS, code) ? undefined : `${status} with the code ${code}`;
}

async function sendFrames(frames) {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/live`);
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("open", resolve).once("close", resolve));
  for (const frame of frames) if (socket.readyState === WebSocket.OPEN) socket.send(frame);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close();
  await closed;
}

const cases = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...operations).chain(requestOf) },
  { weight: 2, arbitrary: otherMethod },
  {
    weight: 1,
    arbitrary: fc.record({
      frames: fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          jsonOf(
            {
              type: "object",
              properties: {
                type: { enum: ["open", "push", "close", "fork"] },
                stream: { type: "integer" },
              },
            },
            document,
          ),
        ),
        { maxLength: 20 },
      ),
    }),
  },
);

const expected = await score();
const known = Object.getOwnPropertyNames(Object.prototype).length;
const [end, counts] = [performance.now() + 1000 * seconds, new Map()];
const sample = fc.sample.bind(fc);
for (let turn = 0; performance.now() < end && failures.length === 0; turn++) {
  const some = sample(cases, { numRuns: AT_ONCE, seed: seed + turn });
  await Promise.all(
    some.map(async (each) => {
      try {
        if (each.frames !== undefined) return await sendFrames(each.frames);
        const answer = await send(each);
        counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
        const fault = faultOf(answer, each.allow);
        if (fault === undefined) return;
        const body = String(each.body).slice(0, 500);
        failures.push(
          `seed ${seed + turn}: ${each.method} ${each.path} ${each.type} ${body}: ${fault}: ${answer.text}`,
        );
      } catch (error) {
        failures.push(`seed ${seed + turn}: ${each.method} ${each.path}: ${error?.cause ?? error}`);
      }
    }),
  );
}
const polluted = Object.getOwnPropertyNames(Object.prototype).length !== known;
if (polluted) failures.push("Object.prototype has a new property");
if ((await score()) !== expected) failures.push("afterwards a text has another score");
await server.close();
console.log(
  [...counts]
    .sort()
    .map(([status, count]) => `${status}: ${count}`)
    .join(", "),
);
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
