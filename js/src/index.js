// Text to vectors with the models of the Python package sklux.
//
//   text -> tokens -> terms with values -> sum of their weight rows -> vector
//          words.js   lexical.js           network.js
//          pieces.js  terms.js

import { readLexical } from "./lexical.js";
import { readModelFile } from "./model-file.js";
import { readNetwork } from "./network.js";
import { openSource } from "./source.js";

export { nearest } from "./nearest.js";

/** A model that is ready to use. `load` makes it. */
class Model {
  #lexical;
  #network;
  #readsNulls;

  constructor(lexical, network, readsNulls) {
    this.#lexical = lexical;
    this.#network = network;
    this.#readsNulls = readsNulls;
    this.width = network.width;
  }

  transform(texts) {
    if (typeof texts === "string" || typeof texts?.[Symbol.iterator] !== "function") {
      throw new TypeError(
        "transform takes an array of strings, one for each document.",
      );
    }
    const documents = Array.from(texts, (text, i) => this.#checked(text, i));
    const vectors = new Float32Array(documents.length * this.width);
    documents.forEach((text, i) => {
      const out = vectors.subarray(i * this.width, (i + 1) * this.width);
      this.#network.embed(this.#lexical.read(text), out);
    });
    return vectors;
  }

  #checked(text, i) {
    if (typeof text === "string") return text;
    const isMissing = text === null || text === undefined;
    if (isMissing && this.#readsNulls) return "";
    throw new TypeError(
      `Document ${i} is ${isMissing ? "missing" : `a ${typeof text}`}, not a string. ` +
        "Convert or remove it.",
    );
  }
}

/** Load a model file. See `index.d.ts`. */
export async function load(source, { verify = true } = {}) {
  const opened = await openSource(source);
  try {
    const file = await readModelFile(opened, verify);
    const lexical = await readLexical(file);
    const network = await readNetwork(file, lexical.nColumns);
    return new Model(lexical, network, file.state.params?.null_documents === "empty");
  } finally {
    await opened.close();
  }
}
