// The page: files -> vectors, and a search for each change of the query.

"use strict";

const N_RESULTS = 20;
const MAX_SHOWN = 600; // characters of a text
const SLICE_MS = 40; // work between two updates of the page

const element = (id) => document.getElementById(id);
// What was read from the files; `job` is the number of the last change.
const state = { model: null, rows: null, vectors: null, job: 0 };

element("model").addEventListener("change", (event) => useModel(event.target.files[0]));
element("texts").addEventListener("change", (event) => useTexts(event.target.files[0]));
element("column").addEventListener("change", () => reporting(embedTexts));
element("query").addEventListener("input", search);
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  for (const file of [...event.dataTransfer.files]) {
    await (/\.sklux$/i.test(file.name) ? useModel(file) : useTexts(file));
  }
});

function useModel(file) {
  return reporting(async () => {
    if (file === undefined) return;
    state.model = null;
    const job = beginJob();
    showStatus(`Reading ${file.name} …`);
    const model = await sklux.load(file);
    if (job !== state.job) return;
    state.model = model;
    element("model-name").textContent = file.name;
    await embedTexts();
  });
}

function useTexts(file) {
  return reporting(async () => {
    if (file === undefined) return;
    state.rows = null;
    const job = beginJob();
    const rows = rowsOfFile(file.name, await file.text());
    const columns = textColumns(rows);
    if (job !== state.job) return;
    if (columns.length === 0) throw new Error(`${file.name} has no texts.`);
    state.rows = rows;
    element("texts-name").textContent = file.name;
    element("column").replaceChildren(...columns.map((name) => new Option(name)));
    element("column-choice").hidden = columns.length < 2;
    await embedTexts();
  });
}

/** End what is running, because its files have changed; return a new number. */
function beginJob() {
  state.vectors = null;
  element("query").disabled = true;
  element("results").replaceChildren();
  element("progress").hidden = true;
  return ++state.job;
}

/** Make the vectors of all texts, some at a time, so that the page stays alive. */
async function embedTexts() {
  const { model, rows } = state;
  const job = beginJob();
  if (model === null || rows === null) {
    showStatus(model === null ? "Choose a model." : "Choose a file of texts.");
    return;
  }
  const vectors = new Float32Array(rows.length * model.width);
  const start = performance.now();
  element("progress").hidden = false;
  for (let i = 0; i < rows.length;) {
    const end = performance.now() + SLICE_MS;
    for (; i < rows.length && performance.now() < end; i++) {
      vectors.set(model.transform([textOf(rows[i])]), i * model.width);
    }
    element("progress").value = i / rows.length;
    showStatus(`${count(i)} of ${count(rows.length)} texts are read …`);
    await new Promise((resume) => setTimeout(resume));
    if (job !== state.job) return;
  }
  element("progress").hidden = true;
  state.vectors = vectors;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  showStatus(`${count(rows.length)} texts are ready, after ${seconds} s.`);
  element("query").disabled = false;
  element("query").focus();
  if (element("query").value !== "") search();
}

function textOf(row) {
  const value = row[element("column").value];
  return typeof value === "string" ? value : "";
}

function search() {
  const query = element("query").value;
  element("results").replaceChildren();
  if (state.vectors === null || query.trim() === "") return;
  const start = performance.now();
  const vector = state.model.transform([query]);
  const found = sklux.nearest(state.vectors, vector, N_RESULTS);
  const duration = (performance.now() - start).toFixed(1);
  if (vector.every((value) => value === 0)) {
    showStatus("The model has no word of this query.");
    return;
  }
  showStatus(`The nearest of ${count(state.rows.length)} texts, in ${duration} ms.`);
  element("results").append(...found.map(resultOf));
}

/** A list item for a text that was found. */
function resultOf({ index, score }) {
  const row = state.rows[index];
  const text = textOf(row);
  const item = document.createElement("li");
  const meter = document.createElement("span");
  meter.className = "score";
  meter.style.setProperty("--share", Math.max(0, score).toFixed(3));
  meter.textContent = score.toFixed(2);
  meter.title = "Cosine with the query";
  const body = document.createElement("div");
  body.append(
    paragraph(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)} …` : text),
  );
  const others = Object.entries(row)
    .filter(([name]) => name !== element("column").value)
    .map(([name, value]) => `${name}: ${value}`);
  if (others.length > 0)
    body.append(paragraph(others.join(" · ").slice(0, 200), "rest"));
  item.append(meter, body);
  return item;
}

function paragraph(text, kind = "") {
  const made = document.createElement("p");
  made.textContent = text;
  made.className = kind;
  return made;
}

/** Run a task, and show its error if it fails. */
async function reporting(task) {
  element("error").hidden = true;
  try {
    await task();
  } catch (error) {
    beginJob();
    showStatus("");
    element("error").textContent = error.message;
    element("error").hidden = false;
  }
}

function showStatus(text) {
  element("status").textContent = text;
}

function count(number) {
  return number.toLocaleString("en");
}
