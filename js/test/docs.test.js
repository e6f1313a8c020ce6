// The code of the pages runs as it stands there.

import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { modelPath } from "./cases.js";

const INDEX = new URL("../src/index.js", import.meta.url).href;
const BLOCK = /^```js\n([^]*?)^```$/gm;

for (const page of ["../README.md", "../../doc/guide/javascript.md"]) {
  test(`the code of ${page} runs`, () => {
    const text = readFileSync(fileURLToPath(new URL(page, import.meta.url)), "utf8");
    const blocks = [...text.matchAll(BLOCK)].map(([, block]) => block);
    assert.ok(blocks.length > 0);
    const folder = mkdtempSync(join(tmpdir(), "sklux-docs-"));
    try {
      copyFileSync(modelPath("default"), join(folder, "model.sklux"));
      for (const block of blocks) {
        const code = block.replace('from "sklux"', `from ${JSON.stringify(INDEX)}`);
        assert.notEqual(code, block);
        writeFileSync(join(folder, "block.mjs"), code);
        const { status, stdout, stderr } = spawnSync(process.execPath, ["block.mjs"], {
          cwd: folder,
          encoding: "utf8",
        });
        assert.equal(status, 0, stderr);
        assert.match(stdout, /^-?\d\.\d\d \w+/m);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
