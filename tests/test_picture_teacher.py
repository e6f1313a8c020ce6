"""A teacher whose vectors are vectors of pictures: texts find pictures."""

from itertools import product

import numpy as np
import pytest
from sklearn.decomposition import PCA

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection

SIDE = 16
COLOURS = {"red": (0.9, 0.1, 0.1), "green": (0.1, 0.7, 0.1), "blue": (0.1, 0.2, 0.9)}
PLACES = {"left": 4, "middle": 8, "right": 12}
SHAPES = {
    "disc": lambda x, y: x**2 + y**2 <= 9,
    "bar": lambda x, y: (abs(x) <= 1) & (abs(y) <= 5),
    "ring": lambda x, y: (x**2 + y**2 <= 14) & (x**2 + y**2 >= 5),
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) < 1) & (x**2 + y**2 <= 16),
}
ATTRIBUTES = list(product(SHAPES, COLOURS, PLACES))
FORMS = ["a {1} {0} on the {2}", "{2}: {0} in {1}", "there, {2}, is a {0}; it is {1}"]


def draw(attributes, random):
    """A picture of a shape in a colour at a place, with noise."""
    shape, colour, place = attributes
    y, x = np.mgrid[:SIDE, :SIDE] - np.array([8, PLACES[place]])[:, None, None]
    picture = np.ones((SIDE, SIDE, 3))
    picture[SHAPES[shape](x, y + random.randint(-1, 2))] = COLOURS[colour]
    return picture + random.normal(0, 0.05, picture.shape)


def measured(pictures):
    """Mean colour, places by column, and outline by row of what is drawn."""
    rows = []
    for picture in pictures:
        drawn = picture.min(axis=2) < 0.5
        down = np.sort(drawn.sum(axis=1))[::-1][:11]
        across = drawn.mean(axis=0) / drawn.mean()
        rows.append([*3 * picture[drawn].mean(axis=0), *across / 2, *down / 3])
    return np.array(rows)


@pytest.fixture(scope="module")
def search():
    """Held-out attributes, a fitted student, and vectors of pictures of all of them."""
    random = np.random.RandomState(0)
    held_out = [ATTRIBUTES[i] for i in random.permutation(len(ATTRIBUTES))[:9]]
    seen = [each for each in ATTRIBUTES if each not in held_out for _ in range(12)]
    captions = [FORMS[i % 3].format(*each) for i, each in enumerate(seen)]
    reduce = PCA(12, random_state=0)
    vectors = reduce.fit_transform(measured([draw(each, random) for each in seen]))
    student = LuxicalVectorizer(
        lexical=LexicalVectorizer(),
        projection=ReLUProjection(n_components=12),
        teacher_words=None,
        random_state=0,
    ).fit(captions, teacher_embeddings=vectors)
    gallery = reduce.transform(measured([draw(each, random) for each in ATTRIBUTES]))
    return held_out, student, student.project_teacher(gallery)


def test_picture_teacher_new_captions_find_the_right_picture(search):
    """By chance, one caption in 36 finds its picture."""
    held_out, student, pictures = search
    right = [ATTRIBUTES.index(each) for each in held_out]
    ranks = []
    for form in FORMS:
        texts = [form.format(*each) for each in held_out]
        order = (-student.transform(texts) @ pictures.T).argsort(axis=1)
        ranks += (order == np.array(right)[:, None]).argmax(axis=1).tolist()
    assert np.mean(np.array(ranks) == 0) > 0.6
    assert np.mean(np.array(ranks) < 3) > 0.9


def test_picture_teacher_pictures_find_their_captions(search):
    held_out, student, pictures = search
    texts = [FORMS[0].format(*each) for each in ATTRIBUTES]
    found = (pictures @ student.transform(texts).T).argmax(axis=1)
    right = [ATTRIBUTES.index(each) for each in held_out]
    assert np.mean(found[right] == right) > 0.6


@pytest.mark.parametrize("word", ["red", "blue", "left", "right", "disc"])
def test_picture_teacher_single_words(search, word):
    _, student, pictures = search
    order = (student.transform([word]) @ pictures.T)[0].argsort()[::-1]
    assert sum(word in ATTRIBUTES[i] for i in order[:6]) >= 4
