/** A model that is ready to use. */
export interface Model {
  /** Number of values of a vector. */
  readonly width: number;

  /**
   * Map texts to vectors.
   *
   * @param texts One string for each document.
   * @returns `texts.length * width` values, one vector after the other. Each vector has
   *   length 1; the vector of a text without a known term is zero.
   * @throws TypeError if a text is not a string. `null` and `undefined` are read as an
   *   empty text if the model was fitted with `null_documents="empty"`.
   */
  transform(texts: Iterable<string>): Float32Array;
}

export interface LoadOptions {
  /**
   * Whether to compare the checksums of all arrays that are used, default `true`. Use
   * `false` only for files that you trust: a damaged file may then give wrong vectors.
   */
  verify?: boolean;
}

/**
 * Load a model that `LuxicalVectorizer.save` wrote.
 *
 * @param source A path (in Node), an address, a `Blob` or `File`, or the bytes of the
 *   file. Bytes are not copied; do not change them.
 * @throws Error if the source is not a whole model file, or if the model uses a part that
 *   this package does not support. The message names the part and a remedy.
 */
export function load(
  source: string | URL | Blob | ArrayBuffer | ArrayBufferView,
  options?: LoadOptions,
): Promise<Model>;

export interface Neighbour {
  /** Number of the vector. */
  index: number;
  /** Its cosine with the query. */
  score: number;
}

/**
 * Find the vectors that are nearest to a query, the nearest first. If two are equally
 * near, the first of them comes first.
 *
 * @param vectors Result of `transform`.
 * @param query One vector of the same model.
 * @param count How many to find, default 10.
 * @throws RangeError if the vectors do not have the width of the query.
 */
export function nearest(
  vectors: Float32Array,
  query: Float32Array,
  count?: number,
): Neighbour[];
