"""Slow and obvious versions of the library's computations, in float64."""

import math
import re
from collections import Counter

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import strip_accents_ascii, strip_accents_unicode
from sklearn.linear_model import Ridge

# Machine epsilon of float32; a sum of n terms may have an error of n of these.
EPSILON = np.finfo(np.float32).eps


def assert_same_bits(actual, expected):
    """Fail unless two float32 arrays agree to the last bit, signs of zeros included."""
    assert actual.dtype == expected.dtype == np.float32
    assert actual.shape == expected.shape
    np.testing.assert_array_equal(
        np.ascontiguousarray(actual).view(np.uint32),
        np.ascontiguousarray(expected).view(np.uint32),
    )


def to_dense(X):
    """CSR matrix as a float64 array; values in the same place are added."""
    dense = np.zeros(X.shape)
    for i in range(X.shape[0]):
        for k in range(X.indptr[i], X.indptr[i + 1]):
            dense[i, X.indices[k]] += float(X.data[k])
    return dense


def sparse_product(X, weights):
    """Rows of X W, each with the scale that the kernel gives it, and error bounds."""
    products = np.zeros((X.shape[0], weights.shape[1]))
    bounds = np.zeros_like(products)
    for i in range(X.shape[0]):
        entries = range(X.indptr[i], X.indptr[i + 1])
        scale = row_scale([float(X.data[k]) for k in entries])
        for k in entries:
            term = scale * float(X.data[k]) * weights[X.indices[k]].astype(np.float64)
            products[i] += term
            bounds[i] += abs(term)
        bounds[i] *= (len(entries) + 4) * EPSILON
    return products, bounds + 1e-36


def weight_rows(stored, scales=None, places=None):
    """Weights of the first layer, row by row in the order of the features."""
    weights = np.empty(stored.shape)
    for feature in range(len(stored)):
        row = feature if places is None else int(places[feature])
        factor = 1.0 if scales is None else float(scales[row])
        weights[feature] = [factor * float(value) for value in stored[row]]
    return weights


def token_sums(counts, idf, weights, norm, second_part=0, **how):
    """Sums of the first layer, and error bounds; counts are dicts by column.

    Columns from `second_part` on are another part, which gets the norm of the first.
    """
    sums = np.zeros((len(counts), weights.shape[1]))
    bounds = np.zeros_like(sums)
    for i, found in enumerate(counts):
        row = weighed_row(found, idf, None, **how)
        first = norm_of([row[column] for column in row if column < second_part], norm)
        second = norm_of([row[column] for column in row if column >= second_part], norm)
        ratio = first / second if norm and first > 0 and second > 0 else 1.0
        for column, value in row.items():
            term = value * (ratio if column >= second_part else 1.0) * weights[column]
            sums[i] += term
            bounds[i] += abs(term)
        bounds[i] *= (len(row) + 8) * EPSILON
    return sums, bounds


def row_scale(values):
    """1 for ordinary rows; otherwise the factor that makes the largest value 1."""
    largest = max((abs(value) for value in values), default=0.0)
    # The bounds of the kernel are float32, and a value may be equal to a bound.
    if largest == 0 or np.float32(1e-12) < np.float32(largest) < np.float32(1e12):
        return 1.0
    return 1 / largest if largest > 1e-37 else 1e37


def unit_rows(H):
    """Divide each row by its length; zero rows stay zero."""
    H = np.array(H, dtype=np.float64)
    for i, row in enumerate(H):
        length = math.sqrt(sum(value * value for value in row.tolist()))
        if length > 0:
            H[i] = row / length
    return H


def relu(H):
    """Replace negative values by zero."""
    return np.where(H > 0, H, 0.0)


def network(X, coefs):
    """Unit rows of the student: ReLU and L2 norm after each layer; no ReLU last."""
    hidden = to_dense(X)
    for weights in coefs[:-1]:
        hidden = unit_rows(relu(hidden @ weights.astype(np.float64)))
    return unit_rows(hidden @ coefs[-1].astype(np.float64))


def tied_network(X, W, *factors):
    """Unit rows of a student with tied rows: a and |a| V, added and normed.

    V is the product of the factors.
    """
    a = unit_rows(to_dense(X) @ W.astype(np.float64))
    V = np.linalg.multi_dot(
        [np.eye(W.shape[1]), *factors, np.eye(factors[-1].shape[1])]
    )
    return unit_rows(a[:, : V.shape[1]] + abs(a) @ V)


def cosine_loss(student, target):
    """Mean of 1 - cos."""
    total = 0.0
    for s, t in zip(unit_rows(student), unit_rows(target)):
        total += 1 - s @ t
    return total / len(student)


def similarity_kl_loss(student, teacher, temperature):
    """T^2 / n sum_i KL(softmax(G_teacher[i] / T) || softmax(G_student[i] / T))."""
    n_samples = len(student)
    student_gram = unit_rows(student) @ unit_rows(student).T
    teacher_gram = unit_rows(teacher) @ unit_rows(teacher).T
    total = 0.0
    for i in range(n_samples):
        others = [j for j in range(n_samples) if j != i]
        p = softmax(teacher_gram[i, others] / temperature)
        q = softmax(student_gram[i, others] / temperature)
        total += sum(a * math.log(a / b) for a, b in zip(p, q))
    return temperature**2 * total / n_samples


def contrastive_loss(first, second, temperature):
    """Mean of -log softmax(S[i] / T)[i] over the rows and the columns of S."""
    n_samples = len(first)
    similarities = unit_rows(first) @ unit_rows(second).T / temperature
    total = 0.0
    for i in range(n_samples):
        total -= math.log(softmax(similarities[i])[i])
        total -= math.log(softmax(similarities[:, i])[i])
    return total / (2 * n_samples)


def loss_with_views(documents, views, weights, temperature):
    """Sum of the weighted distillation losses, in which a view is half a document.

    ``documents`` and ``views`` are lists of pairs of a student's row and its target.
    The first half of ``views`` are the first views; a target of a view may be None.
    """
    n_documents, n_views = len(documents), len(views)
    sides = [views[: n_views // 2], views[n_views // 2 :]]
    total = 0.0
    for place, pairs in enumerate([documents, *sides]):
        pairs = [(row, target) for row, target in pairs if target is not None]
        if not pairs:
            continue
        student, target = map(np.array, zip(*pairs))
        share = 1.0 if place == 0 else len(pairs) / (2 * n_documents)
        if "cosine" in weights:
            total += share * weights["cosine"] * cosine_loss(student, target)
        # One row has no neighbours.
        if "similarity_kl" in weights and len(pairs) > 1:
            divergence = similarity_kl_loss(student, target, temperature)
            total += share * weights["similarity_kl"] * divergence
    return total


def softmax(values):
    """exp(v) / sum exp(v)."""
    powers = np.exp(values - max(values))
    return powers / powers.sum()


def nearest_neighbors(embeddings, n_neighbors):
    """Set of the indices of the nearest other rows, for each row."""
    unit = unit_rows(embeddings)
    neighbors = []
    for i, query in enumerate(unit):
        others = [j for j in range(len(unit)) if j != i]
        others.sort(key=lambda j: -float(query @ unit[j]))  # noqa: B023
        neighbors.append(set(others[:n_neighbors]))
    return neighbors


def neighbor_overlap(first, second, n_neighbors):
    """Mean share of the neighbours in one embedding that the other also has."""
    pairs = zip(
        nearest_neighbors(first, n_neighbors), nearest_neighbors(second, n_neighbors)
    )
    return float(np.mean([len(a & b) / n_neighbors for a, b in pairs]))


def bitext_retrieval(first, second, symmetric=True, csls_neighbors=None, tie=1e-6):
    """Share of rows whose partner is nearest, and by more than a tie."""
    first, second = unit_rows(first), unit_rows(second)

    def r(row, others):
        if csls_neighbors is None:
            return 0.0
        cosines = sorted(float(row @ other) for other in others)
        return float(np.mean(cosines[-csls_neighbors:]))

    def finds(queries, others, i):
        if not queries[i].any() or not others[i].any():
            return False
        near = [float(queries[i] @ row) - r(row, queries) / 2 for row in others]
        return all(near[i] > near[j] + tie for j in range(len(near)) if j != i)

    found = [finds(first, second, i) for i in range(len(first))]
    if symmetric:
        found += [finds(second, first, i) for i in range(len(first))]
    return float(np.mean(found))


def label_head(vectors, classes, ridge):
    """A ridge regression with an intercept on indicators of the classes; columns."""
    vectors = np.asarray(vectors, dtype=np.float64)
    columns = []
    for number in range(max(classes) + 1):
        wanted = np.array([float(c == number) for c in classes])
        model = Ridge(alpha=ridge, solver="cholesky").fit(vectors, wanted)
        columns.append(model.coef_)
    return np.column_stack(columns)


def ranking_score(cosines, same):
    """Normalised discounted cumulative gain of one ranking."""
    ranked = [same[place] for place in np.argsort(-cosines, kind="stable")]
    gain = sum(s / np.log2(rank + 2) for rank, s in enumerate(ranked))
    best = sum(1 / np.log2(rank + 2) for rank in range(sum(ranked)))
    return gain / best if best else np.nan


def is_dropped(place, dropout, seed):
    """Whether a batch drops the value at a place of a CSR matrix."""
    return mix(mix((seed + place) % 2**64)) // 2**32 < int(dropout * 2**32)


def mix(key):
    """One round of multiplicative hashing (tables.h)."""
    return ((key ^ (key >> 29)) * 0x9E3779B97F4A7C15) % 2**64


def kept_rows(X, samples, dropout=0.0, seed=0):
    """Rows of a matrix without the dropped values: lists of (column, value)."""
    return [
        [
            (int(X.indices[k]), float(X.data[k]))
            for k in range(X.indptr[i], X.indptr[i + 1])
            if not is_dropped(int(k), dropout, seed)
        ]
        for i in samples
    ]


def feature_gradients(rows, gradient, n_features):
    """Whether each feature occurs, the gradient in its weights, and error bounds.

    ``rows`` are lists of (column, value), ``gradient`` is the gradient of the loss in
    the sums of the rows.
    """
    gradients = np.zeros((n_features, gradient.shape[1]))
    bounds = np.zeros_like(gradients)
    counts = np.zeros(n_features, dtype=int)
    for row, slope in zip(rows, gradient.astype(np.float64)):
        scale = row_scale([value for _, value in row])
        for column, value in row:
            gradients[column] += scale * value * slope
            bounds[column] += abs(scale * value * slope)
            counts[column] += 1
    bounds *= (counts[:, np.newaxis] + 4) * EPSILON
    return counts > 0, gradients, bounds + 1e-36


def latent_directions(X, n_components):
    """The first right singular vectors, as columns, from the full SVD."""
    return np.linalg.svd(to_dense(X), full_matrices=False)[2][:n_components].T


def latent_vectors(X, n_components):
    """Rows of U S, from the full SVD."""
    return to_dense(X) @ latent_directions(X, n_components)


def kernel_ridge(X, latent, teacher, is_embedded, alpha, latent_weight):
    """Teacher vectors of all documents by the formula, also of the embedded ones."""
    latent = latent.astype(np.float64)
    latent *= np.sqrt(latent_weight / np.mean(np.sum(latent**2, axis=1)))
    features = np.hstack([to_dense(X), latent])
    embedded, known = features[is_embedded], teacher[is_embedded].astype(np.float64)
    kernel = embedded @ embedded.T
    mean = known.mean(axis=0)
    dual = np.linalg.solve(kernel + alpha * np.eye(len(kernel)), known - mean)
    deviations = unit_rows(features @ embedded.T @ dual)
    return unit_rows(mean + np.sqrt(max(1 - mean @ mean, 0)) * deviations)


class LazyAdam:
    """Adam in plain Python, row by row; other rows do not change."""

    def __init__(self, weights, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.weights = np.array(weights, dtype=np.float64)
        self.mean = np.zeros_like(self.weights)
        self.mean_square = np.zeros_like(self.weights)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.n_steps = 0

    def step(self, rows, gradient, rate):
        """Move some rows against their gradient."""
        self.n_steps += 1
        for row, g in zip(rows, np.asarray(gradient, dtype=np.float64)):
            m = self.beta_1 * self.mean[row] + (1 - self.beta_1) * g
            v = self.beta_2 * self.mean_square[row] + (1 - self.beta_2) * g * g
            self.mean[row], self.mean_square[row] = m, v
            m_hat = m / (1 - self.beta_1**self.n_steps)
            v_hat = v / (1 - self.beta_2**self.n_steps)
            self.weights[row] -= rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


def topic_documents(n_samples, *, n_features=60, n_teacher_components=16, seed=0):
    """Documents that mix a few topics, and teacher vectors of the mixtures."""
    rng = np.random.RandomState(seed)
    n_topics = 8
    topics = rng.dirichlet(np.full(n_topics, 0.3), size=n_samples)
    words = rng.dirichlet(np.full(n_features, 0.2), size=n_topics)
    X = sparse.csr_matrix(rng.poisson(40 * topics @ words), dtype=np.float32)
    teacher = topics @ rng.standard_normal((n_topics, n_teacher_components))
    return X, unit_rows(teacher).astype(np.float32)


def normalized(text, lowercase=True, strip_accents=None):
    """A document after lower-casing and removal of accents."""
    strip = {"ascii": strip_accents_ascii, "unicode": strip_accents_unicode}
    text = text.lower() if lowercase else text
    return strip[strip_accents](text) if strip_accents else text


def one_blank(text):
    """Replace each run of white space by a blank; a single character stays."""
    return re.sub(r"\s\s+", " ", text)


def segments(text, kind, min_length=1, stop_words=()):
    """Lists of tokens of a normalised document; no n-gram crosses two of them."""
    if kind == "word":
        words = re.findall(r"\w+", text)
        return [[w for w in words if len(w) >= min_length and w not in stop_words]]
    if kind == "char":
        return [list(one_blank(text))]
    return [[" ", *word, " "] for word in text.split()]


def ngrams(tokens, ngram_range, whole_segments=False):
    """N-grams of a list of tokens, as tuples; optionally a short list as a whole."""
    low, high = ngram_range
    if whole_segments and len(tokens) < low:
        return [tuple(tokens)] if tokens else []
    return [
        tuple(tokens[i : i + n])
        for n in range(low, high + 1)
        for i in range(len(tokens) - n + 1)
    ]


def word_pieces(word, pieces, unknown, max_characters, prefix="##"):
    """The longest piece that the rest of a word begins with, again and again."""
    found, begin = [], 0
    while begin < len(word):
        start = prefix if begin else ""
        ends = range(len(word), begin, -1)
        end = next((end for end in ends if start + word[begin:end] in pieces), None)
        if end is None or len(word) > max_characters:
            return [unknown]
        found.append(start + word[begin:end])
        begin = end
    return found


def ngram_counts(documents, ngram_range, whole_segments=False):
    """Number of occurrences of each n-gram, and of documents that contain it.

    A document is a list of segments.
    """
    tf, df = Counter(), Counter()
    for document in documents:
        found = Counter()
        for segment in document:
            found.update(ngrams(segment, ngram_range, whole_segments))
        tf.update(found)
        df.update(found.keys())
    return tf, df


def count_rows(documents, columns, ngram_range, whole_segments=False):
    """Counts of the n-grams that have a column, a dict for each document."""
    rows = []
    for document in documents:
        found, _ = ngram_counts([document], ngram_range, whole_segments)
        rows.append({columns[g]: n for g, n in sorted(found.items()) if g in columns})
    return rows


def weighed_row(counts, idf, norm, sublinear_tf=False, binary=False):
    """Weights tf idf of a row of counts, divided by their norm."""
    row = {}
    for column, count in counts.items():
        tf = 1.0 if binary else float(count)
        row[column] = (1 + math.log(tf) if sublinear_tf else tf) * float(idf[column])
    size = norm_of(row.values(), norm)
    return {column: value / (size or 1.0) for column, value in row.items()}


def norm_of(values, norm):
    """Norm of some values; 1 for the norm None."""
    return {
        "l1": sum(abs(value) for value in values),
        "l2": math.sqrt(sum(value * value for value in values)),
        None: 1.0,
    }[norm]
