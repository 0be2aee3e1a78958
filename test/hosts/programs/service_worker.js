// A service worker: answers every message with the hashes.
import { hashes } from "./hashes.js";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", ({ ports: [port] }) => {
  hashes().then(
    (text) => port.postMessage(text),
    ({ name, message }) => port.postMessage(`${name}: ${message}`),
  );
});
