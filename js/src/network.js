// The network: the terms of a document to its vector of unit length.
//
//   h = relu(x W_0),  h := h / |h|,  ... more such layers ...,  z = h W_last,  z := z / |z|
//
// A network with tied rows W and a matrix V, which may be the product of two:
//
//   a = x W,  a := a / |a|,  z = a + abs(a) V,  z := z / |z|

import { damaged } from "./errors.js";

const LARGEST_WEIGHT = 1e20;
const ROW_DTYPES = ["float32", "float16", "int8"];

/** Read the network of a model file for some number of terms. */
export async function readNetwork(file, nColumns) {
  const {
    n_layers: nLayers,
    tied = false,
    has_places: hasPlaces = false,
  } = file.state.projection_ ?? {};
  if (
    !(Number.isInteger(nLayers) && nLayers >= 1) ||
    typeof tied !== "boolean" ||
    hasPlaces !== file.has("places")
  ) {
    throw damaged("its layers cannot be read");
  }
  const layers = [];
  for (let i = 0; i < nLayers; i++) {
    const layer = await file.tensor(`coefs.${i}`);
    checkLayer(layer, i === 0 ? ROW_DTYPES : ["float32"], layers.at(-1));
    layers.push(layer);
  }
  const rows = layers[0];
  const places = hasPlaces ? await file.tensor("places") : null;
  checkPlaces(places, rows.shape[0], nColumns);
  const scales = rows.dtype === "int8" ? await file.tensor("scales") : null;
  checkScales(scales, rows.shape[0]);
  const widths = layers.map((layer) => layer.shape[1]);
  if (tied && !(nLayers <= 3 && nLayers >= 2 && widths.at(-1) <= widths[0])) {
    throw damaged("its layers do not fit together");
  }
  return new Network(layers, places?.values ?? null, scales?.values ?? null, tied);
}

function checkLayer({ dtype, shape, values }, dtypes, before) {
  const fits = before === undefined || shape[0] === before.shape[1];
  if (!dtypes.includes(dtype) || shape.length !== 2 || !fits) {
    throw damaged("its layers do not fit together");
  }
  if (dtype === "float32") checkFinite(values);
  if (dtype === "float16" && values.some((bits) => (bits & 0x7c00) === 0x7c00)) {
    throw notFinite();
  }
}

function checkFinite(values) {
  if (!values.every((value) => Math.abs(value) <= LARGEST_WEIGHT)) throw notFinite();
}

function notFinite() {
  return new Error(
    "The weights of the model hold NaN, infinity or values beyond 1e20. Fit it again.",
  );
}

function checkPlaces(places, nRows, nColumns) {
  const fits =
    places === null
      ? nRows === nColumns
      : places.dtype === "uint32" &&
        places.values.length === nColumns &&
        places.values.every((place) => place < nRows);
  if (!fits) throw damaged("its weights do not fit its terms");
}

function checkScales(scales, nRows) {
  if (scales === null) return;
  if (scales.dtype !== "float32" || scales.values.length !== nRows) {
    throw damaged("the factors of its weights do not fit");
  }
  checkFinite(scales.values);
}

export class Network {
  constructor([rows, ...dense], places, scales, tied) {
    // The weights stay in their type; float16 are read through a table.
    this.rows = rows.values;
    const halves = rows.dtype === "float16" ? valuesOfHalves() : null;
    this.addFour = fourOf(this.rows, halves);
    this.places = places;
    this.scales = scales;
    this.tied = tied;
    this.dense = dense.map(({ values, shape }) => ({ values, width: shape[1] }));
    this.width = (dense.at(-1) ?? rows).shape[1];
    this.sums = new Float64Array(rows.shape[1]);
    this.hidden = this.dense.map(({ width }) => new Float64Array(width));
  }

  /**
   * Write the vector of a document.
   *
   * @param terms `{ columns, values }`.
   * @param out Float32Array of `width` values; zeros if there is no term.
   */
  embed(terms, out) {
    this.#addRows(terms);
    out.set(this.tied ? this.#finishTied() : this.#finish());
  }

  /** The first layer: the sum of the weight rows of the terms. */
  #addRows({ columns, values }) {
    const { places, scales, sums, addFour } = this;
    const width = sums.length;
    const begins = [0, 0, 0, 0];
    const factors = [0, 0, 0, 0];
    sums.fill(0);
    // Four rows at a time: the sums are read and written once for all of them.
    for (let i = 0; i < columns.length; i += 4) {
      for (let k = 0; k < 4; k++) {
        // After the last term, its row is added with factors of zero.
        const last = Math.min(i + k, columns.length - 1);
        const row = places === null ? columns[last] : places[columns[last]];
        const factor = scales === null ? values[last] : values[last] * scales[row];
        begins[k] = row * width;
        factors[k] = i + k === last ? factor : 0;
      }
      addFour(sums, begins, factors);
    }
  }

  #finish() {
    let hidden = this.sums;
    this.dense.forEach((layer, i) => {
      for (let j = 0; j < hidden.length; j++) hidden[j] = Math.max(hidden[j], 0);
      toUnitLength(hidden);
      hidden = multiplied(hidden, layer, this.hidden[i].fill(0));
    });
    return toUnitLength(hidden);
  }

  #finishTied() {
    const a = toUnitLength(this.sums);
    let hidden = a.map(Math.abs);
    const last = this.dense.length - 1;
    this.dense.forEach((layer, i) => {
      const start = this.hidden[i].fill(0);
      if (i === last) start.set(a.subarray(0, layer.width));
      hidden = multiplied(hidden, layer, start);
    });
    return toUnitLength(hidden);
  }
}

/** The function that adds four weight rows, given by their begins, to sums. */
function fourOf(weights, halves) {
  if (halves !== null) {
    return (sums, [a, b, c, d], [x, y, z, w]) => {
      for (let j = 0; j < sums.length; j++) {
        sums[j] +=
          x * halves[weights[a + j]] +
          y * halves[weights[b + j]] +
          z * halves[weights[c + j]] +
          w * halves[weights[d + j]];
      }
    };
  }
  return (sums, [a, b, c, d], [x, y, z, w]) => {
    for (let j = 0; j < sums.length; j++) {
      sums[j] +=
        x * weights[a + j] +
        y * weights[b + j] +
        z * weights[c + j] +
        w * weights[d + j];
    }
  };
}

/** sums + hidden W; changes and returns the sums. */
function multiplied(hidden, { values, width }, sums) {
  for (let i = 0; i < hidden.length; i++) {
    const factor = hidden[i];
    const begin = i * width;
    for (let j = 0; j < width; j++) sums[j] += factor * values[begin + j];
  }
  return sums;
}

/** Divide values by their length; zeros stay zero. */
function toUnitLength(values) {
  let squares = 0;
  for (let j = 0; j < values.length; j++) squares += values[j] * values[j];
  if (squares > 0) {
    const factor = 1 / Math.sqrt(squares);
    for (let j = 0; j < values.length; j++) values[j] *= factor;
  }
  return values;
}

/** The value of each number of 16 bits. */
function valuesOfHalves() {
  return Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    // Numbers with the smallest exponent lack the leading one.
    return exponent === 0
      ? sign * fraction * 2 ** -24
      : sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}
