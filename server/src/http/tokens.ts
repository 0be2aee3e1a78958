import { createHash, timingSafeEqual } from "node:crypto";
import bearerAuth from "@fastify/bearer-auth";
import { Problem } from "../problem.js";
import type { Settings } from "../settings.js";
import type { App } from "./context.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whether the route needs no token: health, for probes that have none. */
    isOpen?: boolean;
    /** Whether the route needs the token of an administrator. */
    isAdmin?: boolean;
  }
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares a token with the expected one in a time that tells nothing of either. */
export function tokenCheck(expected: string): (given: string) => boolean {
  const wanted = digest(expected);
  return (given) => timingSafeEqual(digest(given), wanted);
}

/** Asks for the tokens of the settings. */
export async function addTokens(app: App, { token, adminToken }: Settings): Promise<void> {
  const isUser = token === undefined ? undefined : tokenCheck(token);
  const isAdmin = adminToken === undefined ? undefined : tokenCheck(adminToken);
  await app.register(bearerAuth, {
    keys: new Set<string>(),
    addHook: false,
    auth: (key, request) => {
      const admin = isAdmin?.(key) === true;
      if (request.routeOptions.config.isAdmin === true) return admin;
      return admin || isUser?.(key) === true;
    },
    errorResponse: (error) => new Problem("unauthorized", error.message) as never,
  });
  app.addHook("onRequest", (request, reply, done) => {
    const { isOpen, isAdmin: needsAdmin } = request.routeOptions.config;
    if (isOpen === true || (isUser === undefined && needsAdmin !== true)) done();
    else
      app.verifyBearerAuth?.(request, reply, (error) =>
        done(error === undefined ? undefined : new Problem("unauthorized", error.message)),
      );
  });
}
