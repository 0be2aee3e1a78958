// Why this exists: both binders touch the host when they are imported, and take a WebAssembly.Module of their own realm
// only. Importing this package must touch nothing but ECMAScript (an AudioWorklet and Jest's jsdom have no TextDecoder), and
// Cloudflare's workerd gives modules where a page gives bytes. The bundle mends these lines, and fails if one of them is gone.

const isModule = (value) =>
  `Object.prototype.toString.call(${value}) === "[object WebAssembly.Module]"`;

/** File → [as it is, as it must be]. */
const MENDS = {
  "/@assemblyscript/loader/index.js": [
    [
      'const utf16 = new TextDecoder("utf-16le", { fatal: true });',
      'const utf16 = { decode: (units) => new TextDecoder("utf-16le", { fatal: true }).decode(units) };',
    ],
    // Every host with WebAssembly SIMD has it; a hardened realm lets nobody assign to Object.
    [/Object\.hasOwn = Object\.hasOwn \|\| function\(obj, prop\) \{[^}]*\};/, ""],
    ["return src instanceof WebAssembly.Module;", `return ${isModule("src")};`],
  ],
  "/as-bind/dist/as-bind.esm.js": [
    [
      'n=new TextDecoder("utf-16le",{fatal:!0})',
      'n={decode:(t)=>new TextDecoder("utf-16le",{fatal:!0}).decode(t)}',
    ],
    // The section is JSON in ASCII.
    [
      'new TextDecoder("utf8").decode(new Uint8Array(r[0]))',
      "String.fromCharCode(...new Uint8Array(r[0]))",
    ],
    [
      "function u(t){return t instanceof WebAssembly.Module}",
      `function u(t){return ${isModule("t")}}`,
    ],
    [
      "return WebAssembly.compile(t)}(t),this._validate()",
      "return u(t)?t:WebAssembly.compile(t)}(t),this._validate()",
    ],
    [
      "this.module=new WebAssembly.Module(t),this._validate()",
      "this.module=u(t)?t:new WebAssembly.Module(t),this._validate()",
    ],
  ],
};

/** The text of a binder as it is bundled; undefined for every other file. */
function mended(id, code) {
  const file = Object.keys(MENDS).find((each) => id.endsWith(each));
  if (file === undefined) return undefined;
  let text = code;
  for (const [wrong, right] of MENDS[file]) {
    if (text.split(wrong).length !== 2) throw new Error(`${file}: expected once: ${wrong}`);
    text = text.replace(wrong, right);
  }
  return text;
}

/** For rolldown and Vite. */
export const mendBinders = {
  name: "mend-binders",
  transform: (code, id) => mended(id.replaceAll("\\", "/"), code),
};
