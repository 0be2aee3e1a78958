// Why this exists: the binders do work when they are imported, which hosts such as an AudioWorklet refuse, and they bring
// what the package never uses. A plugin of rolldown mends the copy that is bundled; a pattern that is no longer there, after
// an update of a binder, ends the build.

/** By its tag, as `instanceof` fails for a module of another realm. */
const isModule = (value) =>
  `Object.prototype.toString.call(${value}) === "[object WebAssembly.Module]"`;

/** For each binder the exact pieces of its source, and what stands in the bundle instead. */
const MENDED = {
  "@assemblyscript/loader/index.js": [
    // Work at import.
    ['const utf16 = new TextDecoder("utf-16le", { fatal: true }); // != wtf16\n', ""],
    [/Object\.hasOwn = Object\.hasOwn \|\| function[\s\S]*?\n};\n/, ""],
    // The kernels import a memory and nothing else (embed.mjs checks it), take numbers and return numbers: there is no
    // `abort` whose message has to be read, no class to demangle, no string and no array.
    [
      "  const extended = preInstantiate(imports);\n  const instance = new WebAssembly.Instance(module, imports);\n  const exports = postInstantiate(extended, instance);\n  return { module, instance, exports };",
      "  const instance = new WebAssembly.Instance(module, imports);\n  return { module, instance, exports: instance.exports };",
    ],
    [/export default \{[\s\S]*$/, ""],
    // A module of another realm (Jest's sandbox) is no instance of this one's class.
    ["src instanceof WebAssembly.Module", isModule("src")],
  ],
  "as-bind/dist/as-bind.esm.js": [
    [',n=new TextDecoder("utf-16le",{fatal:!0})', ""],
    ["n.decode(", 'new TextDecoder("utf-16le",{fatal:!0}).decode('],
    // The section is JSON in ASCII; jsdom has no decoder.
    [
      'new TextDecoder("utf8").decode(new Uint8Array(r[0]))',
      "String.fromCharCode(...new Uint8Array(r[0]))",
    ],
    // Cloudflare's workerd gives a compiled module where other hosts give bytes.
    ["return t instanceof WebAssembly.Module", `return ${isModule("t")}`],
    ["return WebAssembly.compile(t)}(t),this", "return u(t)?t:WebAssembly.compile(t)}(t),this"],
    ["this.module=new WebAssembly.Module(t)", "this.module=u(t)?t:new WebAssembly.Module(t)"],
  ],
};

/** The plugin. */
export const mendBinders = {
  name: "mend-binders",
  transform(code, id) {
    const binder = Object.keys(MENDED).find((name) => id.endsWith(`/node_modules/${name}`));
    if (binder === undefined) return undefined;
    const mended = MENDED[binder].reduce((text, [piece, instead]) => {
      const changed = text.replace(piece, instead);
      if (changed === text) throw new Error(`${binder} has no ${piece}`);
      return changed;
    }, code);
    return { code: mended, map: null };
  },
};
