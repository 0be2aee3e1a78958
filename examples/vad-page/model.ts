import { createEngine, type Engine } from "recurra";
import { type Graph, openGraph } from "recurra/onnx";
import { CHUNK, createVoiceActivity, INPUTS, RATE } from "../vad/voice_activity.js";

/** A model that runs here. */
export interface Model {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many times as fast as it is spoken sound is analysed here. */
  readonly speed: number;
}

let engine: Promise<Engine> | undefined;

/** Opens a model and runs it, so that what is wrong with it is said before anybody speaks. */
export async function tryModel(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Model> {
  engine ??= createEngine();
  const host = await engine;
  try {
    using graph = openGraph(host, bytes, { inputs: INPUTS });
    return { name, bytes, speed: speedOf(graph) };
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${name} is not Silero VAD v5 or v6. ${message}`, { cause: error });
  }
}

function speedOf(graph: Graph): number {
  const detector = createVoiceActivity(graph);
  const silence = new Float32Array(CHUNK);
  const chunks = 100;
  // The first round runs code that is not optimised yet.
  for (let i = 0; i < chunks; i++) detector.push(silence);
  const begin = performance.now();
  for (let i = 0; i < chunks; i++) detector.push(silence);
  const spent = (performance.now() - begin) / 1000;
  detector.finish();
  return (chunks * CHUNK) / RATE / Math.max(spent, 1e-4);
}

const STORE = "models";
const KEY = "last";

/** The browser's database, in which the last model stays on this device. */
function database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("recurra-vad", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Keeps a model for the next visit, where the browser allows that. */
export async function keepModel({ name, bytes }: Model): Promise<void> {
  try {
    const store = (await database()).transaction(STORE, "readwrite").objectStore(STORE);
    await settled(store.put({ name, bytes }, KEY));
  } catch {
    // The next visit asks again.
  }
}

/** The model of the last visit. */
export async function keptModel(): Promise<Pick<Model, "name" | "bytes"> | undefined> {
  try {
    const store = (await database()).transaction(STORE).objectStore(STORE);
    return await settled(store.get(KEY));
  } catch {
    return undefined;
  }
}
