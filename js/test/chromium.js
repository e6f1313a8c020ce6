// A headless Chromium, driven by its DevTools protocol over two pipes. Node 20 has no
// WebSocket, and the package has no dependencies.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const TIMEOUT_MS = 60_000;

/** The command of a Chromium on this machine, or null. CHROME names another one. */
export function findChromium() {
  const names = process.env.CHROME ? [process.env.CHROME] : NAMES;
  const runs = (name) => spawnSync(name, ["--version"]).status === 0;
  return names.find(runs) ?? null;
}

/** Start a browser with one page; return functions that use it. */
export async function openPage(
  command,
  address,
  { width = 900, height = 1000, switches = ["--disable-gpu"] } = {},
) {
  const profile = mkdtempSync(join(tmpdir(), "sklux-chromium-"));
  const browser = spawn(
    command,
    [
      "--headless",
      "--no-sandbox",
      ...switches,
      "--disable-dev-shm-usage",
      "--remote-debugging-pipe",
      `--user-data-dir=${profile}`,
      `--window-size=${width},${height}`,
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const { send, end } = connect(browser);
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", {
    targetId,
    flatten: true,
  });
  const inPage = (method, params = {}) => send(method, params, sessionId);
  await inPage("Page.enable");
  await inPage("Page.navigate", { url: address });

  /** The value of an expression; a promise is awaited. */
  async function evaluate(expression) {
    const { result, exceptionDetails } = await inPage("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
    return result.value;
  }

  /** Wait until an expression is true. */
  async function until(expression) {
    for (const end = Date.now() + TIMEOUT_MS; Date.now() < end;) {
      if (await evaluate(expression)) return;
      await new Promise((resume) => setTimeout(resume, 30));
    }
    throw new Error(`${expression} is still false: ${await evaluate(PAGE_TEXT)}`);
  }

  /** Choose a file in a file input. */
  async function choose(selector, path) {
    const { root } = await inPage("DOM.getDocument");
    const { nodeId } = await inPage("DOM.querySelector", {
      nodeId: root.nodeId,
      selector,
    });
    await inPage("DOM.setFileInputFiles", { nodeId, files: [path] });
  }

  /** A picture of the page as PNG. */
  async function picture() {
    const { data } = await inPage("Page.captureScreenshot", { format: "png" });
    return Buffer.from(data, "base64");
  }

  async function close() {
    browser.kill();
    await end;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }

  await until("document.readyState === 'complete'");
  return { evaluate, until, choose, picture, send: inPage, close };
}

const PAGE_TEXT = "document.body.innerText";

/** Messages to the browser through pipe 3, and its answers through pipe 4. */
function connect(browser) {
  const waiting = new Map();
  let lastId = 0;
  let text = "";
  const end = new Promise((resolve) => browser.on("exit", resolve));
  browser.stdio[3].on("error", () => {});
  browser.stdio[4].setEncoding("utf8").on("data", (part) => {
    text += part;
    const messages = text.split("\0");
    text = messages.pop();
    for (const message of messages.map((one) => JSON.parse(one))) {
      const { resolve, reject } = waiting.get(message.id) ?? {};
      waiting.delete(message.id);
      if (message.error) reject?.(new Error(message.error.message));
      else resolve?.(message.result);
    }
  });
  end.then(() => {
    for (const { reject } of waiting.values())
      reject(new Error("the browser has ended"));
  });

  function send(method, params, sessionId) {
    const id = ++lastId;
    browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  }
  return { send, end };
}
