// The page in examples/browser, opened from disk in a headless Chromium.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { bundle } from "../bundle.mjs";
import { load, nearest } from "../src/index.js";
import { difference, modelPath, readCase } from "./cases.js";
import { findChromium, openPage } from "./chromium.js";

const PAGE = new URL("../../examples/browser/", import.meta.url);
const NAME = "default";
const command = findChromium();

// The files of the page, as text, CSV and JSON.
const ROWS = [
  { title: "Fruit", text: 'The red apple, and "the green apple"\nin the tunnel' },
  { title: "Cars", text: "the unhappy car; a runner runs" },
  { title: "Caf\u00e9", text: "\u4e2d\u6587 na\u00efve caf\u00e9 \u0130stanbul" },
];
const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
const FILES = {
  "texts.csv": [
    "title,text",
    ...ROWS.map(({ title, text }) => `${title},${quoted(text)}`),
  ].join("\r\n"),
  "texts.json": JSON.stringify(ROWS),
  "texts.jsonl": ROWS.map((row) => JSON.stringify(row)).join("\n") + "\n\n",
  "texts.txt": ROWS.map(({ text }) => text.replace("\n", " ")).join("\n"),
};

const skip = command === null && "no Chromium on this machine; set CHROME to its path";

describe("the page", { skip }, () => {
  let page;
  const folder = mkdtempSync(join(tmpdir(), "sklux-page-"));
  const results = "[...document.querySelectorAll('#results li')]";

  before(async () => {
    for (const [name, content] of Object.entries(FILES)) {
      writeFileSync(join(folder, name), content);
    }
    cpSync(PAGE, folder, { recursive: true });
    writeFileSync(join(folder, "sklux.js"), bundle());
    page = await openPage(command, pathToFileURL(join(folder, "index.html")).href);
    await page.choose("#model", modelPath(NAME));
    await page.until("document.querySelector('#status').textContent.includes('texts')");
  });

  after(async () => {
    await page?.close();
    rmSync(folder, { recursive: true });
  });

  async function chooseTexts(path) {
    await page.choose("#texts", path);
    await page.until(
      `document.querySelector('#texts-name').textContent === '${path.split("/").at(-1)}' &&
        !document.querySelector('#query').disabled`,
    );
  }

  async function type(query) {
    await page.evaluate(`{
      const input = document.querySelector("#query");
      input.value = ${JSON.stringify(query)};
      input.dispatchEvent(new Event("input"));
    }`);
  }

  test("its vectors are Python's", async () => {
    const { texts, vectors } = readCase(NAME);
    const found = await page.evaluate(
      `Array.from(state.model.transform(${JSON.stringify(texts)}))`,
    );
    assert.ok(difference(found, vectors) <= 1e-5);
  });

  for (const name of Object.keys(FILES)) {
    test(`it searches ${name} as one types`, async () => {
      await chooseTexts(join(folder, name));
      const texts = name.endsWith(".txt")
        ? FILES[name].split("\n")
        : ROWS.map(({ text }) => text);
      const model = await load(modelPath(NAME));
      const vectors = model.transform(texts);
      for (const query of ["caf\u00e9", "appl", "green apples"]) {
        await type(query);
        const expected = nearest(vectors, model.transform([query]), 20);
        const shown = await page.evaluate(
          `${results}.map((item) => [item.querySelector("p").textContent,
            item.querySelector(".score").textContent])`,
        );
        assert.deepEqual(
          shown,
          expected.map(({ index, score }) => [texts[index], score.toFixed(2)]),
        );
      }
      await type("");
      assert.equal(await page.evaluate(`${results}.length`), 0);
    });
  }

  test("another column can be searched", async () => {
    await chooseTexts(join(folder, "texts.csv"));
    await page.evaluate(`{
      const select = document.querySelector("#column");
      select.value = "title";
      select.dispatchEvent(new Event("change"));
    }`);
    await page.until("!document.querySelector('#query').disabled");
    await type("cars");
    const first = await page.evaluate(`${results}[0].innerText`);
    assert.match(first, /Cars[^]*text: the unhappy car/);
  });

  test("wrong files are reported, and right ones still work", async () => {
    const path = join(folder, "wrong.sklux");
    writeFileSync(path, "some text");
    await page.choose("#model", path);
    await page.until("!document.querySelector('#error').hidden");
    const error = await page.evaluate("document.querySelector('#error').textContent");
    assert.match(error, /not a sklux model file/);
    assert.equal(
      await page.evaluate("document.querySelector('#query').disabled"),
      true,
    );
    await page.choose("#model", modelPath(NAME));
    await page.until("!document.querySelector('#query').disabled");
    assert.equal(await page.evaluate("document.querySelector('#error').hidden"), true);
  });

  test("it asks nothing of a network", async () => {
    const names = await page.evaluate(
      "performance.getEntriesByType('resource').map((entry) => entry.name)",
    );
    assert.ok(
      names.every((name) => name.startsWith("file:")),
      names.join(" "),
    );
  });
});
