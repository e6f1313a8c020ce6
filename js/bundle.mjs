// Join the modules into one classic script, which a page loads without a server:
//
//     node js/bundle.mjs              writes examples/browser/sklux.js
//     node js/bundle.mjs --print      prints it
//
// Pages that are opened from disk cannot import modules. The script defines one global
// name, `sklux`, with what `index.js` exports.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SOURCES = new URL("src/", import.meta.url);
const OUTPUT = new URL("../examples/browser/sklux.js", import.meta.url);
const IMPORT = /^import (\{[^}]*\}) from "\.\/([^"]+)";\n/gm;
const REEXPORT = /^export \{ (\w+) \} from "\.\/([^"]+)";\n/gm;
const COMMENT = /^ *\/\/.*\n|^ *\/\*\*[^]*?\*\/\n/gm;
const EXPORT = /^export ((?:async )?(?:function|class|const|let) (\w+))/gm;

/** The bundle as text. */
export function bundle() {
  const modules = new Map();
  addModule("index.js", modules);
  return [
    "// The npm package sklux in one script. Made by `node js/bundle.mjs`; do not edit.",
    "",
    '"use strict";',
    "",
    "const sklux = (() => {",
    "const modules = {};",
    "",
    ...modules.values(),
    'return modules["index.js"];',
    "})();",
    "",
  ].join("\n");
}

/** Add a module after the modules that it imports. Each is a function of its own. */
function addModule(name, modules) {
  const source = readFileSync(new URL(name, SOURCES), "utf8");
  for (const [, , from] of [...source.matchAll(IMPORT), ...source.matchAll(REEXPORT)]) {
    if (!modules.has(from)) addModule(from, modules);
  }
  const exported = [...source.matchAll(EXPORT)].map(([, , what]) => what);
  const passedOn = [...source.matchAll(REEXPORT)].map(
    ([, what, from]) => `${what}: modules["${from}"].${what}`,
  );
  const body = source
    .replace(COMMENT, "")
    .replace(REEXPORT, "")
    .replace(IMPORT, (_, names, from) => `const ${names} = modules["${from}"];\n`)
    .replace(EXPORT, "$1")
    .trim();
  if (/^(import|export) /m.test(body)) {
    throw new Error(`${name} has an import or export that bundle.mjs does not know`);
  }
  modules.set(
    name,
    `modules["${name}"] = (() => {\n${body}\n` +
      `return { ${[...exported, ...passedOn].join(", ")} };\n})();\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--print")) process.stdout.write(bundle());
  else writeFileSync(OUTPUT, bundle());
}
