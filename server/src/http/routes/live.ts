import websocket from "@fastify/websocket";
import type { WebSocket } from "ws";
import type { App, Context } from "../context.js";
import { LiveSocket } from "../live_socket.js";

/** Milliseconds between two pings: a client that did not answer the one before is gone. */
const PING_EVERY = 30_000;

/** `/v1/live`: a WebSocket that carries many streams. */
export async function addLive(app: App, context: Context): Promise<void> {
  await app.register(websocket, {
    options: { maxPayload: context.settings.maxBody, perMessageDeflate: false },
  });
  const isAlive = new WeakMap<WebSocket, boolean>();
  const pings = setInterval(() => {
    for (const socket of app.websocketServer.clients) {
      if (isAlive.get(socket) === false) socket.terminate();
      isAlive.set(socket, false);
      socket.ping();
    }
  }, PING_EVERY).unref();
  app.addHook("onClose", async () => clearInterval(pings));
  await app.register(async (routes) => {
    routes.get("/v1/live", { websocket: true, schema: { hide: true } }, (socket) => {
      isAlive.set(socket, true);
      socket.on("pong", () => isAlive.set(socket, true));
      new LiveSocket(socket, context);
    });
  });
}
