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
    // What is shipped imports a memory and nothing else (embed.mjs checks it), takes numbers and returns numbers: there is no
    // class to demangle, no string and no array to read. Only a debug build calls `abort`, and its text is in the source.
    [
      "  const extended = preInstantiate(imports);\n  const instance = new WebAssembly.Instance(module, imports);\n  const exports = postInstantiate(extended, instance);\n  return { module, instance, exports };",
      "  imports.env.abort = (text, file, line, column) => { throw Error('abort at ' + line + ':' + column); };\n  const instance = new WebAssembly.Instance(module, imports);\n  return { module, instance, exports: instance.exports };",
    ],
    [/export default \{[\s\S]*$/, ""],
    // A module of another realm (Jest's sandbox) is no instance of this one's class.
    ["src instanceof WebAssembly.Module", isModule("src")],
  ],
  // Two callers, which give a whole file and a buffer of its size, catch what is thrown and say which bytes are wrong. So
  // nothing of streams, growing buffers, dictionaries, messages and compressing is shipped, 0.9 kB of 2 (gzipped).
  "fflate/esm/browser.js": [
    [/var ec = \[[\s\S]*?\n\];\n/, ""],
    [
      /var err = function \(ind, msg, nt\) \{[\s\S]*?\n\};\n/,
      'var err = function () { throw new Error("inflate"); };\n',
    ],
    [/var td = typeof TextDecoder[\s\S]*?catch \(e\) \{ \}\n/, ""],
    [/ {4}\/\/ numbers here are at max 18 bits\n[\s\S]*?return \{ b: b, r: r \};/, "    return b;"],
    ["fl = _a.b, revfl = _a.r", "fl = _a"],
    ["fl[28] = 258, revfl[258] = 28", "fl[28] = 258"],
    ["fd = _b.b, revfd = _b.r", "fd = _b"],
    [
      / {4}if \(r\) (\{\n {8}\/\/ u16 "map"[\s\S]*?\n {4}\})\n {4}else \{[\s\S]*?\n {4}\}\n/,
      "    $1\n",
    ],
    [/if \(noSt\)\s+err\(0\);\s+break;/g, "err(0);"],
    [/if \(resize\)\s+cbuf\([^;]*;/g, ""],
    [
      / {4}var noBuf = !buf;[\s\S]*?var final = [^;]*;/,
      "    var final = 0, pos = 0, bt = 0, lm, dm, lbt, dbt;",
    ],
    [
      "if (!sl || st.f && !st.l)\n        return buf || new u8(0);",
      "if (!sl)\n        return buf;",
    ],
    ["st.b = bt += l, st.p = pos = t * 8, st.f = final;", "bt += l, pos = t * 8;"],
    [/ {8}var lpos = pos;\n {8}for \(;; lpos = pos\)/, "        for (;;)"],
    ["lpos = pos, lm = null;", "lm = null;"],
    [/ {8}st\.l = lm, [\s\S]*?st\.n = dbt;\n/, ""],
    [
      "return bt != buf.length && noBuf ? slc(buf, 0, bt) : buf.subarray(0, bt);",
      "return buf.subarray(0, bt);",
    ],
    [", dl = dict ? dict.length : 0", ""],
    [/var shift = dl - dt[\s\S]*?dict\[shift \+ bt\];/, "err(3);"],
    [", opts && opts.out, opts && opts.dictionary);", ", opts.out);"],
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
