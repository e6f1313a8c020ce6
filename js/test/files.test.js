// Damaged files, and models that the package does not support, are errors.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { blake2b } from "../src/blake2b.js";
import { load } from "../src/index.js";
import { parsePythonJson } from "../src/python-json.js";
import { modelNames, modelPath, readCase, readJson } from "./cases.js";

const NAME = "default";
const original = new Uint8Array(readFileSync(modelPath(NAME)));
const { texts } = readCase(NAME);

function headerOf(bytes) {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
}

/** A file with another header. */
function withHeader(header, body = original.subarray(8 + headerLength())) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(body, 8 + text.length);
  return bytes;
}

function headerLength() {
  return Number(new DataView(original.buffer).getBigUint64(0, true));
}

/** A file whose metadata is changed by a function. */
function withMetadata(change) {
  const header = headerOf(original);
  const document = JSON.parse(header.__metadata__.sklux);
  header.__metadata__.sklux = JSON.stringify(change(document) ?? document);
  return withHeader(header);
}

test("a cut file is refused", async () => {
  for (let i = 0; i < 100; i++) {
    const length = Math.floor((original.length * i) / 100);
    await assert.rejects(load(original.subarray(0, length)), /not a (complete )?sklux/);
  }
  const longer = new Uint8Array(original.length + 1);
  longer.set(original);
  await assert.rejects(load(longer), /bytes follow its last tensor/);
});

test("a changed byte is refused, or changes no vector", async () => {
  const expected = (await load(original)).transform(texts);
  const bytes = original.slice();
  let nRefused = 0;
  // All places of the header's beginning, and places all over the file.
  const steps = Array.from({ length: 200 }, (_, i) =>
    i < 50 ? i : Math.floor((original.length * (i - 50)) / 150) + (i % 7),
  );
  for (const [i, place] of steps.entries()) {
    bytes[place] ^= 1 << (i % 8);
    let model = null;
    try {
      model = await load(bytes);
    } catch (error) {
      assert.equal(error.constructor, Error, `byte ${place}: ${error.stack}`);
      nRefused++;
    }
    if (model !== null) assert.deepEqual(model.transform(texts), expected);
    bytes[place] = original[place];
  }
  assert.ok(nRefused > 60, `${nRefused} of ${steps.length} were refused`);
});

test("without checksums, a changed byte never leads outside", async () => {
  const bytes = original.slice();
  for (let i = 0; i < 150; i++) {
    const place = Math.floor((original.length * i) / 150) + (i % 5);
    bytes[place] ^= 1 << (i % 8);
    try {
      const model = await load(bytes, { verify: false });
      const vectors = model.transform(texts);
      assert.ok(vectors.every(Number.isFinite), `byte ${place}`);
    } catch (error) {
      assert.equal(error.constructor, Error, `byte ${place}: ${error.stack}`);
    }
    bytes[place] = original[place];
  }
});

test("files of another kind are refused", async () => {
  const encode = (text) => new TextEncoder().encode(text);
  const bomb = `{"__metadata__": {"sklux": "${"[".repeat(100_000)}"}}`;
  for (const [bytes, message] of [
    [encode("some text, which is not a model"), /not a sklux model file/],
    [encode(""), /not a sklux model file/],
    [
      withHeader({ a: { dtype: "U8", shape: [0], data_offsets: [0, 0] } }),
      /another lib/,
    ],
    [withHeader({ __metadata__: { format: "pt" } }), /another library/],
    [withHeader({ __metadata__: { sklux: "{" } }), /metadata cannot be read/],
    [withHeader({ __metadata__: { sklux: "{}" } }), /format version is undefined/],
    [withHeader(JSON.parse(bomb)), /metadata cannot be read/],
    [withMetadata((document) => void delete document.state), /incomplete/],
  ]) {
    await assert.rejects(load(bytes), message);
  }
});

test("a newer format is refused", async () => {
  for (const [version, message] of [
    [4, /format version is 4, and this version reads up to 3. Upgrade the npm package/],
    ["3", /format version is 3. Save the model again/],
    [0, /format version is 0/],
  ]) {
    const bytes = withMetadata((document) => void (document.format_version = version));
    await assert.rejects(load(bytes), message);
  }
});

test("a changed setting is refused", async () => {
  const bytes = withMetadata(({ ...document }) => {
    document.state.lexical_.params.position_weight = 7;
    return document;
  });
  await assert.rejects(load(bytes), /checksum of its metadata does not match/);
});

/** A file with another state, and the checksum of this state. */
function withState(change) {
  return withMetadata((document) => {
    change(document.state);
    const { parts } = parsePythonJson(JSON.stringify(document));
    document.state_checksum = blake2b(new TextEncoder().encode(parts.state));
  });
}

test("a state that lacks a part is refused", async () => {
  for (const [change, message] of [
    [(state) => delete state.lexical_, /its lexical stage cannot be read/],
    [(state) => delete state.lexical_.params, /its lexical stage cannot be read/],
    [(state) => delete state.lexical_.params.ngram_range, /the parameter ngram_range/],
    [(state) => (state.lexical_.params.use_idf = "yes"), /use_idf="yes". Fit it with/],
    [
      (state) => (state.lexical_.params.analyzer = "word"),
      /belong to another analyzer/,
    ],
    [(state) => delete state.projection_, /its layers cannot be read/],
    [(state) => (state.projection_.tied = "yes"), /its layers cannot be read/],
    [(state) => (state.projection_.n_layers = 9), /the tensor 'coefs.2' is missing/],
    [(state) => (state.projection_.n_layers = 1), /its layers do not fit together/],
    [(state) => (state.projection_.has_places = false), /its layers cannot be read/],
  ]) {
    await assert.rejects(load(withState(change)), message);
  }
});

test("a damaged header is refused", async () => {
  for (const [change, message] of [
    [(header) => (header["coefs.0"].dtype = "F8"), /entry of 'coefs.0' cannot be read/],
    [(header) => (header["coefs.0"].shape = [-1, 4]), /entry of 'coefs.0'/],
    [(header) => (header["coefs.0"].shape[0] -= 1), /shape of 'coefs.0' does not fit/],
    [(header) => (header.terms = null), /entry of 'terms'/],
    [(header) => delete header.idf, /the tensor 'idf' is missing|bytes follow/],
    [(header) => (header.scales.data_offsets = [0, 2 ** 40]), /does not fit its offs/],
    [(header) => (header.scales = shifted(header.scales)), /ends inside 'scales'/],
  ]) {
    const header = headerOf(original);
    change(header);
    await assert.rejects(load(withHeader(header)), message);
  }
});

function shifted({ data_offsets: offsets, ...entry }) {
  return { ...entry, data_offsets: offsets.map((offset) => offset + 2 ** 40) };
}

for (const name of modelNames("unsupported").filter((name) => name !== "base")) {
  test(`an unsupported model names its part (${name})`, async () => {
    const message = readJson("unsupported", "messages.json")[name];
    await assert.rejects(load(modelPath(name, "unsupported")), (error) => {
      assert.ok(error.message.includes(message), error.message);
      assert.match(error.message, /This package cannot use the model: .*\. [A-Z].*\.$/);
      return true;
    });
  });
}

test("JSON of Python keeps its numbers", () => {
  const text = '{"b": [1.0, 1e-05, NaN, -Infinity], "a": {"\\u00e9": "x\\"}", "": []}}';
  const { value, sorted, parts } = parsePythonJson(text);
  assert.deepEqual([...value.b], [1, 1e-5, NaN, -Infinity]);
  assert.equal(value.a["\u00e9"], 'x"}');
  assert.equal(
    sorted,
    '{"a": {"": [], "\\u00e9": "x\\"}"}, "b": [1.0, 1e-05, NaN, -Infinity]}',
  );
  assert.equal(parts.b, "[1.0, 1e-05, NaN, -Infinity]");
  for (const wrong of ["", "[1", "[1,]", "{1: 2}", '{"a" 1}', "[1] 2", "1-2", "x"]) {
    assert.throws(() => parsePythonJson(wrong), SyntaxError, wrong);
  }
});

test("blake2b has the digests of hashlib", () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) % 256);
  for (const [length, digest] of [
    [0, "cae66941d9efbd404e4d88758ea67670"],
    [1, "7025e075d5e2f6cde3cc051a31f07660"],
    [128, "06e5bcee475a6bf6d9b8a07c6f4ae80a"],
    [129, "2ec7e7bf8a8265ffd68aadd70ecd2b7e"],
  ]) {
    assert.equal(blake2b(bytes.subarray(0, length)), digest);
  }
  for (const cut of [0, 1, 127, 65_536, 69_999]) {
    assert.equal(blake2b(bytes.subarray(0, cut), bytes.subarray(cut)), blake2b(bytes));
  }
});
