// Search among vectors of unit length, whose inner products are their cosines.

/** The vectors that are nearest to a query, the nearest first. See `index.d.ts`. */
export function nearest(vectors, query, count = 10) {
  const width = query.length;
  if (width === 0 || vectors.length % width !== 0) {
    throw new RangeError(
      `The vectors have ${vectors.length} numbers, which is not a multiple of the ` +
        `width of the query, ${width}. Use vectors of the same model.`,
    );
  }
  const found = [];
  for (let index = 0, begin = 0; begin < vectors.length; index++, begin += width) {
    let score = 0;
    for (let j = 0; j < width; j++) score += query[j] * vectors[begin + j];
    if (found.length < count) found.push({ index, score });
    else if (count > 0 && score > found[count - 1].score) {
      found[count - 1] = { index, score };
    } else continue;
    // Put it in its place: few are found, and most vectors do not come here.
    for (let i = found.length - 1; i > 0 && found[i - 1].score < score; i--) {
      [found[i - 1], found[i]] = [found[i], found[i - 1]];
    }
  }
  return found;
}
