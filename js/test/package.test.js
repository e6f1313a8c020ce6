// What `npm pack` puts into the package.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const settings = JSON.parse(readFileSync(`${FOLDER}package.json`, "utf8"));
const npm = spawnSync("npm", ["--version"]);
const skip = npm.status !== 0 && "no npm on this machine";

test("the package has the modules, the types, a page and the license", { skip }, () => {
  const { stdout, status } = spawnSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: FOLDER,
    encoding: "utf8",
  });
  assert.equal(status, 0);
  const [{ files, unpackedSize }] = JSON.parse(stdout);
  assert.deepEqual(
    files.map(({ path }) => path).sort(),
    [
      "LICENSE",
      "README.md",
      "package.json",
      ...readdirSync(`${FOLDER}src`).map((name) => `src/${name}`),
    ].sort(),
  );
  assert.ok(unpackedSize < 100_000, `${unpackedSize} bytes`);
});

test("the package is importable by its name", async () => {
  const { load, nearest } = await import(settings.name);
  assert.equal(typeof load, "function");
  assert.equal(typeof nearest, "function");
  assert.deepEqual(settings.dependencies, undefined);
});

test("version and license are the Python package's", () => {
  const project = readFileSync(`${FOLDER}../pyproject.toml`, "utf8");
  assert.equal(settings.version, /^version = "(.*)"$/m.exec(project)[1]);
  assert.equal(settings.license, /^license = "(.*)"$/m.exec(project)[1]);
  assert.equal(
    readFileSync(`${FOLDER}LICENSE`, "utf8"),
    readFileSync(`${FOLDER}../LICENSE`, "utf8"),
  );
});
