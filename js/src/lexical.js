// The lexical stage: a document to its terms, each with a column and a value.
//
//   x(t) = tf(count of t) idf(t) (1 + mean of profile[p] over its occurrences)
//
// If the terms are word pieces and words, both parts get the same norm. The norm of the
// whole is left out: the network divides by the length of its sums.

import { damaged } from "./errors.js";
import { Pieces } from "./pieces.js";
import { lexicalSettings } from "./settings.js";
import { Terms, UNKNOWN, decodeTerms } from "./terms.js";
import { characterReader, wordReader } from "./words.js";

const CHARACTERS = ["starts", "rules", "classes", "offsets", "code_points"];

/** Read the lexical stage of a model file. */
export async function readLexical(file) {
  const settings = lexicalSettings(file.state.lexical_);
  const bytes = await typed(file, "terms", "uint8");
  const offsets = await typed(file, "term_offsets", "int64");
  const terms = decodeTerms(bytes, offsets);
  const idf = settings.usesIdf ? await readIdf(file, terms.length) : null;
  const isMixed = settings.analyzer === "word+subword";
  if (
    file.has("n_pieces") !== isMixed ||
    file.has("tokenizer") !== settings.hasPieces
  ) {
    throw damaged("its word pieces are missing, or belong to another analyzer");
  }
  const nPieces = isMixed ? Number((await typed(file, "n_pieces", "int64"))[0]) : 0;
  if (!(nPieces >= 0 && nPieces <= terms.length)) {
    throw damaged("the parts of its terms do not fit");
  }
  const pieces = settings.hasPieces ? await readPieces(file, settings) : null;
  return new Lexical(settings, terms, nPieces, idf, pieces);
}

async function typed(file, name, ...dtypes) {
  const { dtype, shape, values } = await file.tensor(name);
  if (!dtypes.includes(dtype) || shape.length !== 1) {
    throw damaged(`the tensor '${name}' has another type or shape than it should`);
  }
  return values;
}

async function readIdf(file, nTerms) {
  const idf = await typed(file, "idf", "float32", "float64");
  if (idf.length !== nTerms) throw damaged("its idf does not fit its terms");
  if (!idf.every(Number.isFinite)) {
    throw new Error(
      "The idf of the model is infinite or NaN. Fit it with smooth_idf=True.",
    );
  }
  return idf;
}

async function readPieces(file, settings) {
  const text = await typed(file, "tokenizer", "uint8");
  let tokenizer;
  try {
    tokenizer = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch {
    throw damaged("its word pieces cannot be read");
  }
  const characters = {};
  // A tokenizer that is not like BERT's has no table of characters.
  for (const name of CHARACTERS) {
    const tensor = `characters_${name}`;
    if (file.has(tensor)) characters[name] = (await file.tensor(tensor)).values;
  }
  return new Pieces(tokenizer, characters, settings.piecesAreUnicode);
}

export class Lexical {
  constructor(settings, terms, nPieces, idf, pieces) {
    this.settings = settings;
    this.nColumns = terms.length;
    this.idf = idf;
    // Columns below it are word pieces, if there are two parts.
    this.nFirst = nPieces;
    this.pieces = pieces;
    this.parts = this.#makeParts(terms, nPieces);
    // The terms of the present document, in the order in which they are found: columns,
    // counts, sums of extra weights, and at last their values.
    this.columns = [];
    this.counts = [];
    this.extras = [];
    this.values = [];
    // Place of each column among them, plus 1; 0 if it is not there.
    this.placeOf = new Int32Array(this.nColumns);
  }

  /**
   * Find the terms of a document.
   *
   * @returns `{ columns, values }`: arrays that the next call changes.
   */
  read(document) {
    for (const column of this.columns) this.placeOf[column] = 0;
    this.columns.length = this.counts.length = this.extras.length = 0;
    for (const collect of this.parts) collect(document);
    this.#weigh();
    return this;
  }

  /** For each part of the terms, a function that finds its terms in a document. */
  #makeParts(terms, nPieces) {
    const { settings } = this;
    const { analyzer } = settings;
    if (analyzer === "subword") {
      return [this.#pieceCollector(terms, settings.ngramRange)];
    }
    if (analyzer !== "word+subword") {
      return [this.#wordCollector(this.#wordTerms(terms, 0), null)];
    }
    const words = this.#wordTerms(terms.slice(nPieces), nPieces);
    const pieceTerms = terms.slice(0, nPieces);
    if (settings.readsRest) {
      return [this.#wordCollector(words, this.#restReader(pieceTerms))];
    }
    return [this.#pieceCollector(pieceTerms, [1, 1]), this.#wordCollector(words, null)];
  }

  #wordTerms(terms, firstColumn) {
    const { analyzer, ngramRange, stopWords } = this.settings;
    const isOfCharacters = analyzer === "char" || analyzer === "char_wb";
    return new Terms(terms, firstColumn, {
      split: isOfCharacters ? charactersOf : (term) => term.split(" "),
      ngramRange,
      wholeSegments: analyzer === "char_wb",
      stopWords,
    });
  }

  #wordCollector(terms, rest) {
    const { settings } = this;
    const isOfCharacters = settings.analyzer.startsWith("char");
    const read = isOfCharacters
      ? characterReader(
          { ...settings, inWords: settings.analyzer === "char_wb" },
          terms,
        )
      : wordReader(settings, terms, rest);
    const tokens = [];
    return (document) => {
      tokens.length = 0;
      read(document, tokens);
      terms.collect(tokens, this.#add);
    };
  }

  #pieceCollector(terms, ngramRange) {
    const { pieces } = this;
    const index = new Terms(terms, 0, {
      split: ngramRange[1] === 1 ? (term) => [term] : (term) => term.split(" "),
      ngramRange,
      wholeSegments: false,
      stopWords: [],
    });
    const numbers = pieces.names.map((name) => index.numberOf(name));
    return (document) => {
      const tokens = pieces.ofDocument(document).map((id) => numbers[id] ?? UNKNOWN);
      index.collect(tokens, this.#add);
    };
  }

  /** Finds the word pieces of what the words of a text do not cover. */
  #restReader(terms) {
    const { pieces } = this;
    const columns = new Map(terms.map((term, column) => [term, column]));
    const columnOf = pieces.names.map((name) => columns.get(name) ?? UNKNOWN);
    const add = (text, place) => {
      for (const id of pieces.ofText(text)) {
        if (columnOf[id] >= 0) this.#add(columnOf[id], place);
      }
    };
    return { word: add, character: add };
  }

  /** Count one occurrence of a term. */
  #add = (column, place) => {
    const { profile } = this.settings;
    let i = this.placeOf[column] - 1;
    if (i < 0) {
      i = this.columns.length;
      this.placeOf[column] = i + 1;
      this.columns.push(column);
      this.counts.push(0);
      this.extras.push(0);
    }
    this.counts[i]++;
    if (place < profile.length) this.extras[i] += profile[place];
  };

  /** Turn counts into values. */
  #weigh() {
    const { columns, counts, extras, values, idf } = this;
    const { binary, sublinear } = this.settings;
    values.length = columns.length;
    for (let i = 0; i < columns.length; i++) {
      const tf = binary ? 1 : sublinear ? 1 + Math.log(counts[i]) : counts[i];
      const weight = idf === null ? 1 : idf[columns[i]];
      values[i] = tf * weight * (1 + extras[i] / counts[i]);
    }
    if (this.nFirst > 0 && this.settings.norm !== null) this.#balance();
  }

  /** Give the second part of the values the norm of the first. */
  #balance() {
    const { columns, values, nFirst } = this;
    const isL1 = this.settings.norm === "l1";
    let first = 0;
    let second = 0;
    for (let i = 0; i < values.length; i++) {
      const size = isL1 ? Math.abs(values[i]) : values[i] * values[i];
      if (columns[i] < nFirst) first += size;
      else second += size;
    }
    if (first === 0 || second === 0) return;
    const ratio = isL1 ? first / second : Math.sqrt(first / second);
    for (let i = 0; i < values.length; i++) {
      if (columns[i] >= nFirst) values[i] *= ratio;
    }
  }
}

function charactersOf(term) {
  return term === "" ? [""] : Array.from(term);
}
