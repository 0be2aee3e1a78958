// A worker for Cloudflare: the hashes, or what a call that a host without compilation refuses says.

import { createArrays } from "recurra/arrays";
import { openGraph } from "recurra/onnx";
import { hashes } from "./hashes.js";

// biome-ignore lint/style/noDefaultExport: Cloudflare asks for it
export default {
  async fetch() {
    const { sigmoid } = await createArrays();
    const [half] = sigmoid(Float64Array.of(0));
    if (half !== 0.5 || typeof openGraph !== "function")
      return new Response("recurra/arrays fails");
    return new Response(await hashes());
  },
};
