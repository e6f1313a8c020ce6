// Word pieces: the longest piece first, from left to right (WordPiece; Devlin et al. 2019,
// arXiv 1810.04805). The model file holds a rule for each character: what replaces it, and
// its class.

import {
  NONSPACING,
  N_CODE_POINTS,
  classOf,
  isAscii,
  normalForm,
  normalized,
} from "./characters.js";
import { damaged, unsupported } from "./errors.js";

// Classes of a character in the model file, as bits.
const SPACE = 2;
const PUNCTUATION = 4; // a word of its own
const ODD = 32; // its mapping depends on its neighbours
const CLUSTER = 64; // a letter of a script without spaces, a word with its marks
const MARK = 128;
const MAX_PIECES = 2 ** 24;
const ASCII_PUNCTUATION = /^[!-/:-@[-`{-~]/;
// Distinct words whose pieces are kept.
const MAX_KEPT = 100_000;

export class Pieces {
  /**
   * @param tokenizer the tokenizer of the tokenizers library, parsed.
   * @param characters arrays of the model file: `starts`, `rules`, `classes`, `offsets`
   *   and `code_points`.
   * @param isUnicode whether words follow `segmentation='unicode'`.
   */
  constructor(tokenizer, characters, isUnicode) {
    const { model, added } = checkedTokenizer(tokenizer, isUnicode);
    this.isUnicode = isUnicode;
    this.rules = new CharacterRules(characters);
    this.unknown = model.vocab.get(model.unk_token);
    this.maxCharacters = model.max_input_chars_per_word;
    /** Pieces by id. */
    this.names = [];
    for (const [name, id] of [...added, ...model.vocab]) this.names[id] = name;
    this.initial = new Map();
    this.continuing = new Map();
    const prefix = model.continuing_subword_prefix;
    for (const [name, id] of model.vocab) {
      if (name.startsWith(prefix)) {
        this.continuing.set(name.slice(prefix.length), id);
      } else {
        this.initial.set(name, id);
      }
    }
    this.longest = Math.max(longestOf(this.initial), longestOf(this.continuing));
    this.added = added;
    this.addedPattern = patternOf(added);
    this.kept = new Map();
  }

  /** Ids of the pieces of a document. */
  ofDocument(text) {
    if (this.isUnicode) return this.ofText(normalForm(text));
    if (this.addedPattern === null) return this.ofText(this.#canonical(text));
    // Parts with odd numbers are added pieces.
    return text
      .split(this.addedPattern)
      .flatMap((part, i) =>
        i % 2 === 1 ? this.added.get(part) : this.ofText(this.#canonical(part)),
      );
  }

  /** Ids of the pieces of a text, by the rules of its single characters. */
  ofText(text) {
    const words = this.rules.words(text);
    return words.length === 1 ? this.#ofWord(words[0]) : words.flatMap(this.#ofWord);
  }

  #ofWord = (word) => {
    let ids = this.kept.get(word);
    if (ids === undefined) {
      ids = this.#cut(word);
      if (this.kept.size >= MAX_KEPT) this.kept.clear();
      this.kept.set(word, ids);
    }
    return ids;
  };

  #cut(word) {
    const ids = [];
    // The test of the length comes first: the number of characters is not larger.
    const isLong = word.length > this.maxCharacters;
    if (isLong && Array.from(word).length > this.maxCharacters) return [this.unknown];
    for (let begin = 0; begin < word.length;) {
      const pieces = begin === 0 ? this.initial : this.continuing;
      let end = Math.min(word.length, begin + this.longest);
      while (end > begin && !pieces.has(word.slice(begin, end))) end--;
      if (end === begin) return [this.unknown];
      ids.push(pieces.get(word.slice(begin, end)));
      begin = end;
    }
    return ids;
  }

  /** Text with its marks in canonical order, if the tokenizer decomposes accents. */
  #canonical(text) {
    if (isAscii(text)) return text;
    const { rules } = this;
    const characters = Array.from(text);
    const codes = characters.map((character) => character.codePointAt(0));
    if (!codes.some((code) => rules.classes[code] & ODD)) return text;
    if (rules.replacement(0xe9) === "\u00e9") return text;
    // The tokenizer drops controls first, so the marks around a control are neighbours.
    const isKept = (_, i) =>
      classOf[codes[i]] & NONSPACING || rules.replacement(codes[i]) !== "";
    return normalized(characters.filter(isKept).join(""), "NFD");
  }
}

/** What replaces each character, and its class. */
class CharacterRules {
  constructor({ starts, rules, classes, offsets, code_points: codePoints }) {
    const bounds = Array.from(offsets, Number);
    this.classes = new Uint8Array(N_CODE_POINTS);
    // The distance to the replacement; below -N_CODE_POINTS, the number of a text.
    this.shifts = new Int32Array(N_CODE_POINTS);
    this.texts = bounds
      .slice(1)
      .map((end, i) => textOf(codePoints.subarray(bounds[i], end)));
    if (starts.length !== rules.length || starts.length !== classes.length) {
      throw damaged("its table of characters does not fit together");
    }
    for (let i = 0; i < starts.length; i++) {
      const end = i + 1 < starts.length ? starts[i + 1] : N_CODE_POINTS;
      if (end <= starts[i] || (i === 0 && starts[0] !== 0)) {
        throw damaged("its table of characters does not fit together");
      }
      this.#checkRun(starts[i], end, rules[i]);
      this.shifts.fill(rules[i], starts[i], end);
      this.classes.fill(classes[i], starts[i], end);
    }
  }

  #checkRun(begin, end, shift) {
    const isText = shift < -N_CODE_POINTS;
    const fits = isText
      ? -1 - N_CODE_POINTS - shift < this.texts.length
      : begin + shift >= 0 && end + shift <= N_CODE_POINTS;
    if (!fits) throw damaged("its table of characters leads outside");
  }

  /** The text that replaces a code point; it may be empty. */
  replacement(code) {
    const shift = this.shifts[code];
    return shift >= -N_CODE_POINTS
      ? String.fromCodePoint(code + shift)
      : this.texts[-1 - N_CODE_POINTS - shift];
  }

  /** The words and punctuation characters of a text, with all characters replaced. */
  words(text) {
    const words = [];
    let word = "";
    let inCluster = false; // only marks belong to the word
    const endWord = () => {
      if (word !== "") words.push(word);
      word = "";
      inCluster = false;
    };
    for (const original of text) {
      for (const character of this.replacement(original.codePointAt(0))) {
        const kind = this.classes[character.codePointAt(0)];
        if (kind & SPACE) {
          endWord();
        } else if (kind & PUNCTUATION) {
          endWord();
          words.push(character);
        } else {
          if (kind & CLUSTER || (inCluster && !(kind & MARK))) endWord();
          if (kind & CLUSTER) inCluster = true;
          word += character;
        }
      }
    }
    endWord();
    return words;
  }
}

function textOf(codePoints) {
  if (codePoints.some((code) => code >= N_CODE_POINTS)) {
    throw damaged("its table of characters leads outside");
  }
  return String.fromCodePoint(...codePoints);
}

function longestOf(pieces) {
  let longest = 0;
  for (const name of pieces.keys()) longest = Math.max(longest, name.length);
  return longest;
}

/** A pattern that finds added pieces, the longest first; null if there are none. */
function patternOf(added) {
  const names = [...added.keys()].sort((a, b) => b.length - a.length);
  const escaped = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return names.length ? new RegExp(`(${escaped.join("|")})`) : null;
}

/** The model of a tokenizer with its vocabulary as a Map, and the added pieces. */
function checkedTokenizer(tokenizer, isUnicode) {
  const model = tokenizer?.model;
  const vocab = new Map(Object.entries(model?.vocab ?? {}));
  const tokens = tokenizer?.added_tokens ?? [];
  if (model?.type !== "WordPiece" || !(isUnicode || isLikeBert(tokenizer, tokens))) {
    throw unsupported(
      "its word pieces come from a tokenizer that is not like BERT's",
      "Fit the model with tokenizer=None, which learns word pieces.",
    );
  }
  const added = new Map(tokens.map((token) => [token.content, token.id]));
  const ids = [...vocab.values(), ...added.values()];
  const isId = (id) => Number.isInteger(id) && id >= 0 && id < MAX_PIECES;
  if (
    !ids.every(isId) ||
    !vocab.has(model.unk_token) ||
    typeof model.continuing_subword_prefix !== "string" ||
    !Number.isInteger(model.max_input_chars_per_word)
  ) {
    throw damaged("its word pieces cannot be read");
  }
  return { model: { ...model, vocab }, added };
}

function isLikeBert({ model, normalizer, pre_tokenizer: cut }, tokens) {
  const prefix = model.continuing_subword_prefix;
  return (
    typeof prefix === "string" &&
    prefix.length > 1 &&
    ASCII_PUNCTUATION.test(prefix) &&
    normalizer?.type === "BertNormalizer" &&
    cut?.type === "BertPreTokenizer" &&
    tokens.every(
      (token) =>
        !(token.single_word || token.lstrip || token.rstrip || token.normalized) &&
        ASCII_PUNCTUATION.test(token.content),
    )
  );
}
