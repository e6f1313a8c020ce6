// JSON as Python writes it. `JSON.parse` refuses NaN and Infinity, and forgets how a
// number was written (1.0 or 1), which the checksum of a model's state depends on.

const TOKEN =
  /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|-?Infinity|NaN|true|false|null|-?[0-9][0-9.eE+-]*)/y;
const WORDS = { true: true, false: false, null: null, NaN };

/**
 * Read a JSON text that Python's `json.dumps` wrote.
 *
 * @returns the `value`, and `sorted`, the text of the same value by
 *   `json.dumps(value, sort_keys=True)`. If the value is an object, `parts` has this text
 *   for each of its entries.
 * @throws SyntaxError if the text is not JSON.
 */
export function parsePythonJson(text) {
  let place = 0;

  function next() {
    TOKEN.lastIndex = place;
    const match = TOKEN.exec(text);
    if (match === null) throw new SyntaxError(`no JSON at character ${place}`);
    place = TOKEN.lastIndex;
    return match[1];
  }

  function read(token) {
    if (token === "{") return readObject();
    if (token === "[") return readArray();
    return { value: scalar(token), sorted: token };
  }

  function readArray() {
    const items = [];
    let token = next();
    if (token !== "]") {
      for (items.push(read(token)); (token = next()) === ",";) items.push(read(next()));
      expect(token, "]");
    }
    return {
      value: items.map((item) => item.value),
      sorted: `[${items.map((item) => item.sorted).join(", ")}]`,
    };
  }

  function readObject() {
    const entries = [];
    let token = next();
    if (token !== "}") {
      do {
        const key = entries.length ? next() : token;
        expect(next(), ":");
        entries.push({ key, name: stringOf(key), ...read(next()) });
      } while ((token = next()) === ",");
      expect(token, "}");
    }
    const value = Object.create(null);
    const parts = Object.create(null);
    for (const entry of entries) {
      value[entry.name] = entry.value;
      parts[entry.name] = entry.sorted;
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
    const texts = entries.map((entry) => `${entry.key}: ${entry.sorted}`);
    return { value, parts, sorted: `{${texts.join(", ")}}` };
  }

  const result = read(next());
  if (text.slice(place).trim() !== "") throw new SyntaxError("text after the JSON");
  return result;
}

function scalar(token) {
  if (token[0] === '"') return stringOf(token);
  if (token in WORDS) return WORDS[token];
  const number = Number(token);
  if (Number.isNaN(number)) throw new SyntaxError(`${token} is not a number`);
  return number;
}

function stringOf(token) {
  if (token[0] !== '"') throw new SyntaxError(`${token} is not a string`);
  return JSON.parse(token);
}

function expect(token, wanted) {
  if (token !== wanted) throw new SyntaxError(`${token} instead of ${wanted}`);
}
