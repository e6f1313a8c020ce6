"""
Search pictures by text
=======================

A teacher can be any function that gives each document a vector. Here the documents are
captions, and the vector of a caption is the vector of the picture that it describes. So
the student places texts in the space of the pictures, and a text finds pictures. With
photographs, the vectors would come from an image model; here NumPy draws the pictures,
and a few lines measure them.
"""

# %%
# Draw pictures
# -------------
# A picture shows one of four shapes, in one of six colours, small or large, at one of
# four places. Its place, size and brightness vary a little.
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklux import LuxicalVectorizer

SIDE = 32
COLOURS = {
    "red": (0.85, 0.15, 0.15),
    "green": (0.1, 0.6, 0.2),
    "blue": (0.15, 0.3, 0.9),
    "yellow": (0.95, 0.85, 0.1),
    "purple": (0.55, 0.15, 0.7),
    "black": (0.1, 0.1, 0.1),
}
PLACES = {
    "top left": (10, 10),
    "top right": (22, 10),
    "bottom left": (10, 22),
    "bottom right": (22, 22),
}
SIZES = {"small": 3.5, "large": 7.5}
SHAPES = {
    "circle": lambda x, y: x**2 + y**2 <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 0.85,
    "triangle": lambda x, y: (y <= 0.8) & (abs(x) <= (y + 1) / 1.8),
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) <= 0.3) & (x**2 + y**2 <= 1),
}
random = np.random.RandomState(0)


def draw(shape, colour, size, place):
    """A picture, an array of shape (SIDE, SIDE, 3)."""
    across, down = PLACES[place] + random.normal(0, 0.7, 2)
    radius = SIZES[size] * random.uniform(0.85, 1.15)
    y, x = (np.mgrid[:SIDE, :SIDE] - np.reshape([down, across], (2, 1, 1))) / radius
    picture = np.ones((SIDE, SIDE, 3))
    picture[SHAPES[shape](x, y)] = COLOURS[colour]
    picture += random.normal(0, 0.03, picture.shape)
    return np.clip(picture * random.uniform(0.9, 1), 0, 1)


# %%
# Describe them
# -------------
# A caption has one of several forms, and some attributes have two names.
NAMES = {"small": ["small", "little"], "large": ["large", "big"]}
FORMS = [
    "a {size} {colour} {shape} at the {place}",
    "{size} {shape} in {colour}, {place}",
    "there is a {colour} {shape} in the {place} corner, and it is {size}",
]


def describe(shape, colour, size, place):
    """A caption."""
    form = FORMS[random.randint(len(FORMS))]
    size = NAMES[size][random.randint(2)]
    return form.format(shape=shape, colour=colour, size=size, place=place)


# %%
# Vectors of pictures
# -------------------
# A picture is measured in three ways: the mean colour of what is drawn, how much is
# drawn in each part of a grid, and how often its edges have each direction. The
# principal components of these numbers are its vector.
WEIGHTS = np.repeat([3, 1, 1.5], [3, 64, 16])  # of colour, grid and edges


def measure(pictures):
    """Colour, grid and directions of edges of each picture."""
    rows = []
    for picture in pictures:
        drawn = picture.min(axis=2) < 0.6 * picture.max()
        grid = drawn.reshape(8, SIDE // 8, 8, SIDE // 8).mean(axis=(1, 3))
        down, across = np.gradient(drawn.astype(float))
        edges, _ = np.histogram(
            np.arctan2(down, across),
            bins=16,
            range=(-np.pi, np.pi),
            weights=np.hypot(down, across),
            density=True,
        )
        rows.append(np.concatenate([picture[drawn].mean(axis=0), grid.ravel(), edges]))
    return np.array(rows)


attributes = list(product(SHAPES, COLOURS, SIZES, PLACES))
seen, unseen = train_test_split(attributes, test_size=0.25, random_state=0)
examples = [each for each in seen for _ in range(10)]
pictures = np.array([draw(*each) for each in examples])
captions = [describe(*each) for each in examples]

measure_pictures = make_pipeline(
    FunctionTransformer(measure),
    StandardScaler(),
    FunctionTransformer(lambda rows: rows * WEIGHTS),
    PCA(24, random_state=0),
)
picture_vectors = measure_pictures.fit_transform(pictures)
print(f"{len(captions)} captions, such as: {captions[0]!r}")

# %%
# Texts in the space of the pictures
# ----------------------------------
# The vectors of the pictures are the teacher embeddings of their captions.
student = LuxicalVectorizer(random_state=0)
student.fit(captions, teacher_embeddings=picture_vectors)

# %%
# Search
# ------
# No training picture and no caption has the combinations of attributes that are held
# out. The student embeds captions of them, ``project_teacher`` maps the vectors of
# new pictures of all combinations into its space, and each caption looks for the
# nearest pictures.
gallery = np.array([draw(*each) for each in attributes])
queries = [describe(*each) for each in unseen]
places = student.project_teacher(measure_pictures.transform(gallery))
ranking = (-student.transform(queries) @ places.T).argsort(axis=1)

right = np.array([attributes.index(each) for each in unseen])
ranks = (ranking == right[:, None]).argmax(axis=1)
print(f"The right picture of {len(gallery)}, for {len(queries)} new captions:")
for n_shown in (1, 5):
    chance = n_shown / len(gallery)
    found = (ranks < n_shown).mean()
    print(f"among the first {n_shown}: {found:.1%}, by chance {chance:.1%}")

# %%
# The first five pictures for some of the captions. The right picture has a frame.
figure = plt.figure(figsize=(7, 9), layout="constrained")
for query, part in enumerate(figure.subfigures(6, 1)):
    part.suptitle(queries[query], x=0.01, horizontalalignment="left", fontsize=10)
    for ax, place in zip(part.subplots(1, 5), ranking[query]):
        ax.imshow(gallery[place])
        ax.set(xticks=[], yticks=[])
        is_right = place == right[query]
        ax.spines[:].set(color="tab:blue" if is_right else "0.85")
        ax.spines[:].set_linewidth(4 if is_right else 1)
plt.show()

# %%
# Which attributes does the first picture have right?
for number, name in enumerate(["shape", "colour", "size", "place"]):
    values = zip(ranking[:, 0], unseen)
    hits = [attributes[place][number] == each[number] for place, each in values]
    print(f"{name:6} {np.mean(hits):.1%}")

# %%
# A single word is a query, too. How many of the 20 pictures that are nearest to it show
# what it says, and how many of all pictures do?
shown = [" ".join(each) for each in attributes]
for word in ["purple", "cross", "large", "left"]:
    nearest = (student.transform([word]) @ places.T)[0].argsort()[::-1][:20]
    has_word = np.array([word in each.split() for each in shown])
    print(f"{word:6} {has_word[nearest].mean():.0%}, of all {has_word.mean():.0%}")
