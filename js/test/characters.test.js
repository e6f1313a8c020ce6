// Each character has the class, the lower case and the normal form that Python gives it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as characters from "../src/characters.js";
import { UNICODE_VERSION } from "../src/unicode-data.js";
import { CASES, readJson } from "./cases.js";

const { unicode, step, changes, normal } = readJson("characters.json");
const skip =
  unicode !== UNICODE_VERSION &&
  `this Python has Unicode ${unicode}, the package ${UNICODE_VERSION}`;
// The classes of Python (`CLASS_BITS`), and what they are here.
const WORD = 1;
const BITS = { 2: characters.SPACE, 64: characters.CLUSTER, 128: characters.MARK };
const CASE_BITS = { 8: 4, 16: 8 };

for (const segmentation of ["regex", "unicode"]) {
  test(`all characters have their class (${segmentation})`, { skip }, () => {
    const classes = readFileSync(join(CASES, `classes-${segmentation}.bin`));
    assert.equal(classes.length, characters.N_CODE_POINTS);
    const isUnicode = segmentation === "unicode";
    const word = characters.WORD | (isUnicode ? characters.MARK : 0);
    const bits = { ...CASE_BITS, ...(isUnicode ? BITS : { 2: BITS[2] }) };
    classes.forEach((theirs, code) => {
      const own = characters.classOf[code];
      const name = `U+${code.toString(16)}`;
      assert.equal((theirs & WORD) !== 0, (own & word) !== 0, name);
      for (const [bit, here] of Object.entries(bits)) {
        assert.equal((theirs & bit) !== 0, (own & here) !== 0, `${name}, bit ${bit}`);
      }
    });
  });
}

for (const { settings, changed } of changes) {
  test(
    `all characters are changed as by Python (${settings.join(", ")})`,
    { skip },
    () => {
      const [lowercase, stripAccents, segmentation] = settings;
      const prepare = characters.textPreparation({
        lowercase,
        stripAccents,
        isUnicode: segmentation === "unicode",
      });
      for (let code = 0; code < characters.N_CODE_POINTS; code += step) {
        const character = String.fromCodePoint(code);
        const name = `U+${code.toString(16)}`;
        assert.equal(prepare(character), changed[code] ?? character, name);
      }
    },
  );
}

test("texts have Python's normal form", { skip }, () => {
  assert.ok(normal.some(([text, form]) => text !== form));
  for (const [text, form] of normal) {
    assert.equal(characters.normalForm(text), form, JSON.stringify(text));
  }
});
