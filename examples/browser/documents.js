// Files of texts to rows: one object for each document, with a value for each column.

"use strict";

const LINE = "text"; // name of the column of a file without columns

/** Rows of a file, by the ending of its name. */
function rowsOfFile(name, content) {
  const text = content.replace(/^\ufeff/, "");
  if (/\.(jsonl|ndjson)$/i.test(name)) return rowsOfLines(text, JSON.parse);
  if (/\.json$/i.test(name)) return rowsOfJson(text);
  if (/\.(csv|tsv)$/i.test(name)) return rowsOfTable(text);
  return rowsOfLines(text, (line) => line);
}

function rowsOfLines(text, read) {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [rowOf(read(line))];
    } catch (error) {
      throw new Error(`Line ${i + 1} cannot be read: ${error.message}`);
    }
  });
}

function rowsOfJson(text) {
  const content = JSON.parse(text);
  if (!Array.isArray(content)) {
    throw new Error("The JSON file must hold a list of texts or of objects.");
  }
  return content.map(rowOf);
}

function rowOf(value) {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? value : { [LINE]: value };
}

/** Rows of a table with a header: CSV, or with semicolons or tabs (RFC 4180). */
function rowsOfTable(text) {
  const header = text.slice(0, (text + "\n").indexOf("\n"));
  const count = (character) => header.split(character).length;
  const separator = [",", ";", "\t"].sort((a, b) => count(b) - count(a))[0];
  const [names, ...records] = recordsOf(text, separator);
  return records
    .filter((record) => record.length > 1 || record[0] !== "")
    .map((record) =>
      Object.fromEntries(names.map((name, i) => [name, record[i] ?? ""])),
    );
}

function recordsOf(text, separator) {
  const records = [[]];
  let place = 0;
  while (place < text.length) {
    let field = "";
    if (text[place] === '"') {
      // A quoted field; two quotes stand for one.
      const quoted = /"((?:[^"]|"")*)"?/y;
      quoted.lastIndex = place;
      field = quoted.exec(text)[1].replaceAll('""', '"');
      place = quoted.lastIndex;
    }
    const begin = place;
    while (place < text.length && text[place] !== separator && text[place] !== "\n") {
      place++;
    }
    field += text.slice(begin, place).replace(/\r$/, "");
    records.at(-1).push(field);
    if (text[place] === separator && place === text.length - 1) records.at(-1).push("");
    if (text[place] === "\n" && place < text.length - 1) records.push([]);
    place++;
  }
  return records;
}

/** Names of the columns with text, the column with the longest texts first. */
function textColumns(rows) {
  const lengths = new Map();
  for (const row of rows.slice(0, 1000)) {
    for (const [name, value] of Object.entries(row)) {
      const length = typeof value === "string" ? value.length : 0;
      lengths.set(name, (lengths.get(name) ?? 0) + length);
    }
  }
  const names = [...lengths.keys()].filter((name) => lengths.get(name) > 0);
  return names.sort((a, b) => lengths.get(b) - lengths.get(a));
}
