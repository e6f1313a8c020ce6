// What a reader does on a map, timed: `benchmarks/bench_map.py` runs it.
//
//     node benchmarks/measure_map.mjs PAGE
//
// Prints JSON: seconds to open the page, and for each act the milliseconds of the page's
// main thread and of JavaScript for a step, and the steps a second. A step begins when
// the page has drawn the step before it: the page draws once for each.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { findChromium, openPage } from "../js/test/chromium.js";

// Without a graphics card.
const SWITCHES = ["--disable-gpu"];
const SIZE = { width: 1400, height: 900 };
const N_STEPS = 40;
// An act ends after so many milliseconds, if drawing is slow.
const LONGEST = 15_000;
// After an act, the page draws all points again.
const REST = 1500;
const WORDS = ["abcde", "the", "xyzzy", "qu", "sta in"];

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const command = findChromium();
if (command === null) throw new Error("Chromium is missing. Install it, or set CHROME.");
const address = pathToFileURL(resolve(process.argv[2])).href;
const begin = performance.now();
const page = await openPage(command, address, { ...SIZE, switches: SWITCHES });
await page.until("document.body.dataset.ready");
const open = (performance.now() - begin) / 1000;
await page.send("Performance.enable");
const drawn = () =>
  page.evaluate("new Promise((wake) => requestAnimationFrame(() => setTimeout(wake)))");
// The middle of the map.
const { x, y } = await page.evaluate(`
  (() => {
    const box = document.querySelector("#map, .bk-Figure").getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  })()
`);
const mouse = (type, at, options) =>
  page.send("Input.dispatchMouseEvent", { type, x: x + at, y, ...options });
const LEFT = { button: "left", clickCount: 1 };
const DOWN = { ...LEFT, buttons: 1 };

async function metrics() {
  const { metrics } = await page.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** Time the steps of an act. The work of the pause before it does not count. */
async function timed(name, step, most = N_STEPS) {
  await sleep(REST);
  const before = await metrics();
  const start = performance.now();
  let n = 0;
  while (n < most && performance.now() - start < LONGEST) {
    await step(n);
    await drawn();
    n += 1;
  }
  const seconds = (performance.now() - start) / 1000;
  const after = await metrics();
  const work = (key) => (1000 * (after[key] - before[key])) / n;
  return {
    name,
    task: work("TaskDuration"),
    script: work("ScriptDuration"),
    steps: n / seconds,
  };
}

const wheel = (deltaY) =>
  page.send("Input.dispatchMouseEvent", {
    type: "mouseWheel", x, y, deltaX: 0, deltaY,
  });
const range = () =>
  page.evaluate("Bokeh.documents[0].get_model_by_name('map').x_range.start");
const type = (text) =>
  page.evaluate(`
    document.getElementById("search").value = ${JSON.stringify(text)};
    document.getElementById("search").dispatchEvent(new Event("input"));
  `);
const openHit = (at) =>
  page.evaluate(`document.querySelectorAll("#hits button")[${at}].click()`);
const letters = WORDS.flatMap((word) =>
  Array.from(word, (_, end) => word.slice(0, end + 1)),
);

const acts = [];
// The map does not move with a mouse that was not there before, or that waits first.
await mouse("mouseMoved", 0);
const left = await range();
const drag = async (at) => {
  if (at === 0) await mouse("mousePressed", 0, DOWN);
  await mouse("mouseMoved", 5 * (at + 1), DOWN);
};
acts.push(await timed("drag the map", drag));
await mouse("mouseReleased", 5 * N_STEPS, LEFT);
if ((await range()) === left) throw new Error("The map did not move.");
acts.push(await timed("turn the wheel", (at) => wheel(at % 20 < 10 ? -40 : 40)));
acts.push(await timed("point at points", (at) => mouse("mouseMoved", 3 * at)));
acts.push(await timed("search: type a letter", (at) => type(letters[at]), letters.length));
await type("a");
acts.push(await timed("open a document", openHit));
const { usedSize } = await page.send("Runtime.getHeapUsage");
const { product } = await page.send("Browser.getVersion");
console.log(JSON.stringify({ open, acts, megabytes: usedSize / 1e6, browser: product }));
await page.close();
