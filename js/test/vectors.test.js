// The vectors are Python's, for all kinds of models, sources and texts.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { load, nearest } from "../src/index.js";
import { readModelFile } from "../src/model-file.js";
import { readNetwork } from "../src/network.js";
import { openSource } from "../src/source.js";
import { difference, modelNames, modelPath, readCase } from "./cases.js";

const TOLERANCE = 1e-5;

for (const name of modelNames()) {
  test(`${name} has Python's vectors`, async () => {
    const { texts, width, vectors } = readCase(name);
    const model = await load(modelPath(name));
    assert.equal(model.width, width);
    const found = model.transform(texts);
    assert.ok(vectors.some((value) => value !== 0));
    texts.forEach((text, i) => {
      const [own, theirs] = [found, vectors].map((all) =>
        all.subarray(i * width, (i + 1) * width),
      );
      const one = difference(own, theirs);
      assert.ok(one <= TOLERANCE, `${JSON.stringify(text)}: difference ${one}`);
      const isZero = theirs.every((value) => value === 0);
      assert.equal(
        own.every((value) => value === 0),
        isZero,
        JSON.stringify(text),
      );
    });
  });
}

test("a text has the same vector in any batch", async () => {
  const { texts, width } = readCase("default");
  const model = await load(modelPath("default"));
  const all = model.transform(texts);
  for (const i of [0, 14, texts.length - 1]) {
    const own = all.slice(i * width, (i + 1) * width);
    assert.deepEqual(model.transform([texts[i]]), own);
  }
  assert.equal(model.transform([]).length, 0);
});

test("all sources give the same model", async () => {
  const path = modelPath("default");
  const bytes = readFileSync(path);
  const inBuffer = new Uint8Array(bytes.length + 3);
  inBuffer.set(bytes, 3);
  const server = createServer((request, response) =>
    request.url === "/model" ? response.end(bytes) : response.writeHead(404).end(),
  ).listen();
  const address = `http://localhost:${server.address().port}`;
  const { texts } = readCase("default");
  const expected = (await load(path)).transform(texts);
  const sources = {
    URL: pathToFileURL(path),
    bytes,
    ArrayBuffer: inBuffer.buffer.slice(3),
    "bytes at an odd place": inBuffer.subarray(3),
    Blob: new Blob([bytes]),
    address: `${address}/model`,
  };
  try {
    for (const [name, source] of Object.entries(sources)) {
      for (const verify of [true, false]) {
        const model = await load(source, { verify });
        assert.deepEqual(model.transform(texts), expected, name);
      }
    }
    await assert.rejects(load(`${address}/other`), /404 Not Found. Check the address/);
  } finally {
    server.close();
  }
});

test("weights stay in their type", async () => {
  const types = { int8: Int8Array, float16: Uint16Array, float32: Float32Array };
  for (const [dtype, type] of Object.entries(types)) {
    const name = modelNames().find((one) => one.endsWith(`-${dtype}`));
    const source = await openSource(modelPath(name));
    const file = await readModelFile(source, true);
    const nColumns = (await file.tensor("term_offsets")).values.length - 1;
    const network = await readNetwork(file, nColumns);
    await source.close();
    assert.ok(network.rows instanceof type, name);
  }
});

test("wrong arguments are refused", async () => {
  for (const source of [null, undefined, 12, {}]) {
    await assert.rejects(load(source), /load takes a path/);
  }
  await assert.rejects(load("missing.sklux"), /ENOENT/);
  const model = await load(modelPath("default"));
  for (const texts of ["a text", 12, null, undefined]) {
    assert.throws(() => model.transform(texts), /takes an array of strings/);
  }
  assert.throws(() => model.transform(["a", null]), /Document 1 is missing/);
  assert.throws(() => model.transform(["a", 12]), /Document 1 is a number/);
});

test("nearest finds the vectors with the largest cosines", () => {
  const vectors = Float32Array.of(1, 0, 0, 1, 0.6, 0.8, 0, 1, -1, 0);
  const query = Float32Array.of(0, 1);
  const found = nearest(vectors, query, 3);
  assert.deepEqual(
    found.map(({ index }) => index),
    [1, 3, 2],
  );
  assert.equal(found[0].score, 1);
  assert.ok(Math.abs(found[2].score - 0.8) < 1e-6);
  assert.equal(nearest(vectors, query).length, 5);
  assert.deepEqual(nearest(vectors, query, 0), []);
  assert.deepEqual(nearest(new Float32Array(0), query, 3), []);
  assert.throws(() => nearest(vectors, new Float32Array(3)), /multiple of the width/);
  assert.throws(() => nearest(vectors, new Float32Array(0)), /multiple of the width/);
});
