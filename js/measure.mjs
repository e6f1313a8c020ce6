// How long the package takes: `benchmarks/bench_javascript.py` runs it.
//
//     node js/measure.mjs MODEL TEXTS VECTORS
//
// Loads a model, maps the texts of a JSON file, writes the vectors, and then answers each
// line of its input with the seconds of processor time of one more run.

import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { load } from "./src/index.js";

const [modelPath, textsPath, vectorsPath] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(textsPath, "utf8"));

/** Seconds that a task takes of the processor, with the threads of the engine. */
async function secondsOf(task) {
  const start = process.cpuUsage();
  await task();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

let model = await load(modelPath);
writeFileSync(vectorsPath, model.transform(texts));
const tasks = {
  transform: () => model.transform(texts),
  load: async () => (model = await load(modelPath)),
  unverified: () => load(modelPath, { verify: false }),
  bytes: () => process.memoryUsage().arrayBuffers,
};
for await (const line of createInterface({ input: process.stdin })) {
  const answer = line === "bytes" ? tasks.bytes() : await secondsOf(tasks[line]);
  console.log(JSON.stringify(answer));
}
