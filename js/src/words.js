// From documents to tokens: words or characters.
//
// `segmentation='unicode'`: a letter of a script without spaces is a word, with its marks,
// and EDGE stands at both ends of a run of such letters.

import { CLUSTER, MARK, SPACE, WORD, classOf, textPreparation } from "./characters.js";
import { BREAK, UNKNOWN } from "./terms.js";

const EDGE = "\u2581";
const BLANK = " ";

/**
 * Make the reader of words.
 *
 * @param settings `lowercase`, `stripAccents`, `isUnicode`, and `minLength`, the least
 *   number of characters of a word in a script with spaces.
 * @param terms the terms whose tokens are words.
 * @param rest what gets the rest of a text, which the terms do not cover, or null: its
 *   `word(text, place)` gets a word that is not a term, and `character(text, place)` a
 *   character that belongs to no word. The place is the number of words before it.
 * @returns a function that writes the numbers of the words of a document into an array.
 */
export function wordReader(settings, terms, rest) {
  const prepare = textPreparation(settings);
  const { minLength } = settings;
  const inWord = settings.isUnicode ? WORD | MARK : WORD;
  const clusterBit = settings.isUnicode ? CLUSTER : 0;
  const { nStopWords } = terms;
  const edge = terms.numberOf(EDGE);

  /** Add a word, unless it is too short or a stop word; return whether it was added. */
  function addWord(word, nCharacters, tokens) {
    const place = tokens.length;
    let number = UNKNOWN;
    if (nCharacters >= minLength) {
      number = terms.numberOf(word);
      if (number === UNKNOWN || number >= nStopWords) tokens.push(number);
    }
    if (rest !== null && (number === UNKNOWN || number >= terms.knownBelow)) {
      rest.word(word, place);
    }
    return tokens.length > place;
  }

  function addEdge(tokens) {
    if (edge === UNKNOWN || edge >= nStopWords) tokens.push(edge);
  }

  return (document, tokens) => {
    const text = prepare(document);
    let inRun = false; // of letters of scripts without spaces
    let afterEdge = false; // no word has followed the last edge
    for (let begin = 0; begin < text.length;) {
      const code = text.codePointAt(begin);
      const kind = classOf[code];
      let end = begin + (code > 0xffff ? 2 : 1);
      const isCluster = (kind & clusterBit) !== 0;
      if (isCluster !== inRun) {
        if (!(isCluster && afterEdge)) {
          addEdge(tokens);
          afterEdge = true;
        }
        inRun = isCluster;
      }
      if (!(kind & inWord)) {
        if (rest !== null && code !== 0x20) {
          rest.character(text.slice(begin, end), tokens.length);
        }
      } else if (isCluster) {
        end = endOfRun(text, end, MARK, 0).end;
        if (addWord(text.slice(begin, end), Infinity, tokens)) afterEdge = false;
      } else {
        const run = endOfRun(text, end, inWord, clusterBit);
        end = run.end;
        const added = addWord(text.slice(begin, end), 1 + run.nCharacters, tokens);
        if (added) afterEdge = false;
      }
      begin = end;
    }
    if (inRun) addEdge(tokens);
  };
}

/** The end of the characters that have one of the wanted classes and no other one. */
function endOfRun(text, begin, wanted, other) {
  let end = begin;
  let nCharacters = 0;
  while (end < text.length) {
    const code = text.codePointAt(end);
    if (!(classOf[code] & wanted) || classOf[code] & other) break;
    end += code > 0xffff ? 2 : 1;
    nCharacters++;
  }
  return { end, nCharacters };
}

/**
 * Make the reader of characters. A run of white space becomes one blank.
 *
 * @param settings `lowercase`, `stripAccents`, `isUnicode`, and `inWords`, whether each
 *   word stands between two blanks and no n-gram leaves it.
 * @param terms the terms whose tokens are characters.
 * @returns a function that writes the numbers of the characters into an array.
 */
export function characterReader(settings, terms) {
  const prepare = textPreparation(settings);
  const { inWords } = settings;
  const blank = terms.numberOf(BLANK);

  return (document, tokens) => {
    const characters = Array.from(prepare(document));
    let inWord = false;
    const endWord = () => {
      if (inWord) tokens.push(blank, BREAK);
      inWord = false;
    };
    for (let i = 0; i < characters.length;) {
      if (!isSpace(characters[i])) {
        if (inWords && !inWord) tokens.push(blank);
        inWord = inWords;
        tokens.push(terms.numberOf(characters[i++]));
        continue;
      }
      const begin = i;
      while (i < characters.length && isSpace(characters[i])) i++;
      if (inWords) endWord();
      // A single character of white space is kept.
      else tokens.push(i - begin > 1 ? blank : terms.numberOf(characters[begin]));
    }
    endWord();
  };
}

function isSpace(character) {
  return (classOf[character.codePointAt(0)] & SPACE) !== 0;
}
