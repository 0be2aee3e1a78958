import type { FastifyInstance } from "fastify";

/** The methods of the routes with one path. */
interface Path {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/**
 * Notes the routes that are added from now on.
 *
 * @returns the methods that the path of an address has, in alphabetical order; none for a path that no route has
 */
export function watchRoutes(app: FastifyInstance): (url: string) => string[] {
  const paths = new Map<string, Path>();
  app.addHook("onRoute", ({ url, method }) => {
    let path = paths.get(url);
    if (path === undefined) {
      path = { pattern: patternOf(url), methods: new Set() };
      paths.set(url, path);
    }
    for (const each of [method].flat()) path.methods.add(each);
  });
  return (url) => {
    const [path = ""] = url.split("?", 1);
    const found = [...paths.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  };
}

/** A pattern of a path whose parameters begin with a colon, and whose last part may be `*`. */
function patternOf(url: string): RegExp {
  const parts = url.split("/").map((part) => {
    if (part.startsWith(":")) return "[^/]+";
    return part === "*" ? ".*" : part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("/")}$`);
}
