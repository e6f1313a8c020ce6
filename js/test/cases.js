// The cases that `write_cases.py` wrote, and small helpers of the tests.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

export const CASES =
  process.env.SKLUX_CASES ?? fileURLToPath(new URL("cases", import.meta.url));
if (!existsSync(CASES)) {
  throw new Error(
    `${CASES} is missing. Run python js/test/write_cases.py js/test/cases.`,
  );
}

/** Names of the models, without their ending. */
export function modelNames(folder = "models") {
  return readdirSync(join(CASES, folder))
    .filter((name) => name.endsWith(".sklux"))
    .map((name) => name.slice(0, -".sklux".length));
}

export function modelPath(name, folder = "models") {
  return join(CASES, folder, `${name}.sklux`);
}

export function readJson(...path) {
  return JSON.parse(readFileSync(join(CASES, ...path), "utf8"));
}

/** Texts, width and vectors of a model. */
export function readCase(name) {
  const { texts, width, vectors } = readJson("models", `${name}.json`);
  const bytes = Buffer.from(vectors, "base64");
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return { texts, width, vectors: new Float32Array(copy) };
}

/** The largest difference of two arrays of numbers. */
export function difference(found, expected) {
  if (found.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    const one = Math.abs(found[i] - expected[i]);
    // NaN is larger than anything.
    if (!(one <= largest)) largest = Number.isNaN(one) ? Infinity : one;
  }
  return largest;
}
