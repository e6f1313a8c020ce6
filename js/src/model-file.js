// The model file: safetensors with JSON metadata and a checksum for each tensor.
// `doc/internals.md` of sklux describes it.

import { blake2b } from "./blake2b.js";
import { damaged, unsupported } from "./errors.js";
import { parsePythonJson } from "./python-json.js";

const FORMAT_VERSION = 3;
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = "sklux";
// For each type of safetensors: the name that NumPy has for it, and an array of the same
// width. Node 20 has no array of float16, and 64-bit integers are read as pairs.
const TYPES = {
  BOOL: ["bool", Uint8Array],
  U8: ["uint8", Uint8Array],
  I8: ["int8", Int8Array],
  U16: ["uint16", Uint16Array],
  I16: ["int16", Int16Array],
  F16: ["float16", Uint16Array],
  U32: ["uint32", Uint32Array],
  I32: ["int32", Int32Array],
  F32: ["float32", Float32Array],
  U64: ["uint64", BigUint64Array],
  I64: ["int64", BigInt64Array],
  F64: ["float64", Float64Array],
};

/**
 * Read the header of a model file.
 *
 * @param source an open source (`source.js`).
 * @param verify whether to compare checksums.
 * @returns an object with `state`, the model's settings, `has(name)`, and `tensor(name)`,
 *   which promises `{ dtype, shape, values }`.
 */
export async function readModelFile(source, verify) {
  const { header, start } = await readHeader(source);
  const { state, checksums } = readMetadata(header);
  const entries = new Map();
  let end = start;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const tensor = checkedEntry(name, entry, start);
    if (tensor.end > source.size) throw damaged(`it ends inside '${name}'`);
    entries.set(name, tensor);
    end = Math.max(end, tensor.end);
  }
  if (end !== source.size) throw damaged("bytes follow its last tensor");

  async function tensor(name) {
    const entry = entries.get(name);
    if (entry === undefined) throw damaged(`the tensor '${name}' is missing`);
    const bytes = await source.read(entry.begin, entry.end);
    if (bytes.length !== entry.end - entry.begin) {
      throw damaged(`it ends inside '${name}'`);
    }
    if (verify) verifyTensor(name, entry, bytes, checksums[name]);
    return { dtype: entry.dtype, shape: entry.shape, values: valuesOf(entry, bytes) };
  }

  return { state, tensor, has: (name) => entries.has(name) };
}

async function readHeader(source) {
  const first = await source.read(0, Math.min(9, source.size));
  const length = first.length < 9 ? 0 : Number(view(first).getBigUint64(0, true));
  if (first[8] !== 0x7b || length > MAX_HEADER_BYTES) {
    throw new Error(
      "This is not a sklux model file. Give a file that `save` or `sklux fit` has " +
        "written.",
    );
  }
  const start = 8 + length;
  if (start > source.size) throw damaged("its header is longer than the file");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      await source.read(8, start),
    );
    return { header: JSON.parse(text), start };
  } catch {
    throw damaged("its header is not JSON");
  }
}

function readMetadata(header) {
  const text = header.__metadata__?.[METADATA_KEY];
  if (typeof text !== "string") {
    throw new Error(
      "This is not a sklux model file, but a safetensors file of another library. Give " +
        "a file that `save` or `sklux fit` has written.",
    );
  }
  const { state, checksums, ...rest } = parsedMetadata(text);
  const version = rest.format_version;
  if (!Number.isInteger(version) || version < 1) {
    throw damaged(`its format version is ${version}`);
  }
  if (version > FORMAT_VERSION) {
    throw unsupported(
      `its format version is ${version}, and this version reads up to ${FORMAT_VERSION}`,
      "Upgrade the npm package sklux.",
    );
  }
  if (!isObject(state) || !isObject(checksums)) {
    throw damaged("its metadata is incomplete");
  }
  if (rest.state_checksum !== rest.checksumOfState) {
    throw damaged("the checksum of its metadata does not match");
  }
  return { state, checksums };
}

function parsedMetadata(text) {
  try {
    const { value, parts } = parsePythonJson(text);
    const state = new TextEncoder().encode(parts?.state ?? "");
    return { ...value, checksumOfState: blake2b(state) };
  } catch {
    throw damaged("its sklux metadata cannot be read");
  }
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkedEntry(name, entry, start) {
  const shape = entry?.shape;
  const offsets = entry?.data_offsets;
  const isCount = (n) => Number.isSafeInteger(n) && n >= 0;
  if (
    !Object.hasOwn(TYPES, entry?.dtype) ||
    !(Array.isArray(shape) && shape.every(isCount)) ||
    !(Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount))
  ) {
    throw damaged(`the entry of '${name}' cannot be read`);
  }
  const [dtype, ArrayType] = TYPES[entry.dtype];
  const [begin, end] = offsets;
  const nBytes = shape.reduce((product, size) => product * size, 1);
  if (end - begin !== nBytes * ArrayType.BYTES_PER_ELEMENT) {
    throw damaged(`the shape of '${name}' does not fit its offsets`);
  }
  return { dtype, ArrayType, shape, begin: start + begin, end: start + end };
}

function verifyTensor(name, { dtype, shape }, bytes, expected) {
  // The shape as Python writes a tuple.
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const description = new TextEncoder().encode(`${dtype} (${sizes}) `);
  if (blake2b(description, bytes) !== expected) {
    throw damaged(`the checksum of '${name}' does not match`);
  }
}

function valuesOf({ ArrayType }, bytes) {
  const width = ArrayType.BYTES_PER_ELEMENT;
  // A typed array begins at a multiple of its width.
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new ArrayType(aligned.buffer, aligned.byteOffset, aligned.length / width);
}

function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
