"""Terms that name clusters of documents.

A cluster differs from all documents by x = (mean row of its documents) - (mean row of
all documents), and its vectors by d, the same difference of mean vectors at length 1.
The linear part of the network turns x into a vector whose product with d is the sum of
x_t (w_t g) over the terms t, where w_t are the weights of a term and g is the gradient
of the linear part along d. The name of the cluster are the terms with the largest
shares in this sum, among terms that are more frequent in the cluster (x_t > 0). This is
the explanation of `sklux._student.attribution`, summed over a cluster.

With a single cluster, the means of all documents are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sklux._inspection.highlight import plain_html
from sklux._student.attribution import linear_gradients
from sklux._student.network import Network
from sklux._utils.optional import import_optional
from sklux._utils.similarity import unit_rows

# Terms of a cluster from which its name is chosen.
N_CANDIDATES = 100
# A second term whose vector is nearer to an earlier one says nothing new: most often it
# is the plural.
MAX_COSINE = 0.75
# Terms times clusters whose shares are in memory.
BLOCK_SHARES = 4_000_000
# Terms in the name of a cluster.
N_NAMING = 3


@dataclass(frozen=True, eq=False)
class ClusterTerms:
    """The terms that name clusters.

    Attributes
    ----------
    labels : ndarray of shape (n_clusters,)
        The label of each cluster, in ascending order.
    counts : ndarray of shape (n_clusters,), dtype=np.intp
        Number of its documents.
    terms : list of ndarray of shape (n_terms,), dtype=object
        Its terms, the most important first. A cluster may have fewer terms than were
        asked for.
    shares : list of ndarray of shape (n_terms,), dtype=np.float64
        The share of each of its terms. The shares of all terms that its documents
        have, word pieces included, add up to 1.
    """

    labels: np.ndarray
    counts: np.ndarray
    terms: list[np.ndarray]
    shares: list[np.ndarray]

    @property
    def names(self) -> list[str]:
        """Name of each cluster: its first three terms, or its label without terms.

        Returns
        -------
        list of str
            The names.
        """
        pairs = zip(self.labels.tolist(), self.terms)
        return [", ".join(terms[:N_NAMING]) or str(label) for label, terms in pairs]

    def to_pandas(self) -> Any:
        """Return the terms as a table.

        Returns
        -------
        pandas.DataFrame
            Columns ``label``, ``term`` and ``share``; a row for each term of each
            cluster.
        """
        pandas = import_optional("pandas", purpose="to_pandas")
        places = np.repeat(
            np.arange(len(self.labels)), [len(row) for row in self.terms]
        )
        empty: list[Any] = [[]]
        return pandas.DataFrame(
            {
                "label": self.labels[places],
                "term": np.concatenate(self.terms or empty),
                "share": np.concatenate(self.shares or empty),
            }
        )

    def __str__(self) -> str:
        rows = self._rows()
        width = max((len(str(label)) for label, _, _ in rows), default=0)
        return "\n".join(
            f"{label!s:>{width}} {count:>9,}  {terms}" for label, count, terms in rows
        )

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td>{plain_html(str(label))}</td><td>{count:,}</td>"
            f"<td>{plain_html(terms)}</td></tr>"
            for label, count, terms in self._rows()
        )
        return f"<table>{''.join(rows)}</table>"

    def _rows(self) -> list[tuple[object, int, str]]:
        """Label, number of documents and terms of each cluster."""
        named = zip(self.labels.tolist(), self.counts.tolist(), self.terms)
        return [(label, count, ", ".join(terms)) for label, count, terms in named]


class ClusterSums:
    """Sums over the documents of each cluster.

    Parameters
    ----------
    n_clusters : int
        Number of clusters.
    network : Network
        The network of the model.
    """

    def __init__(self, n_clusters: int, network: Network):
        self._network = network
        self._rows = sparse.csr_matrix((n_clusters, network.n_features))
        self._vectors = np.zeros((n_clusters, network.n_components))
        self.counts = np.zeros(n_clusters, dtype=np.intp)

    def add(
        self, clusters: np.ndarray, rows: sparse.csr_matrix, vectors: np.ndarray
    ) -> None:
        """Add documents.

        Parameters
        ----------
        clusters : ndarray of shape (n_documents,), dtype=np.intp
            Cluster of each document.
        rows : CSR matrix of shape (n_documents, n_features)
            Their values of terms.
        vectors : ndarray of shape (n_documents, n_components)
            Their vectors.
        """
        n_documents = len(clusters)
        places = np.ones(n_documents), (clusters, np.arange(n_documents))
        members = sparse.csr_matrix(places, shape=(len(self.counts), n_documents))
        self._rows = self._rows + members @ rows
        self._vectors += members @ vectors
        self.counts += np.bincount(clusters, minlength=len(self.counts))

    def shares(self, n_candidates: int, is_named: np.ndarray) -> list[Candidates]:
        """Find the terms with the largest shares.

        Parameters
        ----------
        n_candidates : int
            Largest number of terms of a cluster.
        is_named : ndarray of shape (n_features,), dtype=bool
            Which terms may occur in names.

        Returns
        -------
        list of Candidates
            Terms with shares above 0, for each cluster.
        """
        gradients = linear_gradients(self._network, self._directions())
        sums = self._rows.tocsc()
        n_clusters = len(self.counts)
        totals = np.zeros(n_clusters)
        best = [Candidates(np.empty(0, np.intp), np.empty(0))] * n_clusters
        step = max(1, BLOCK_SHARES // max(n_clusters, self._network.rows.shape[1]))
        for begin in range(0, self._network.n_features, step):
            columns = np.arange(begin, min(begin + step, self._network.n_features))
            rows = self._differences(sums[:, columns].toarray())
            alignment = gradients @ self._network.weights_of(columns).T
            shares = rows * alignment
            totals += shares.sum(axis=1)
            # A term that a cluster lacks may have a share, but does not name it.
            named = np.where(rows > 0, shares, 0)[:, is_named[columns]]
            allowed = columns[is_named[columns]]
            best = [
                kept.merged(allowed, row, n_candidates)
                for kept, row in zip(best, named)
            ]
        # A cluster in the middle of all documents has no direction, and a sum of 0.
        return [
            Candidates(kept.columns, kept.shares / total if total > 0 else kept.shares)
            for kept, total in zip(best, totals)
        ]

    def _directions(self) -> np.ndarray:
        """Direction of each cluster, at length 1."""
        return unit_rows(self._differences(self._vectors))

    def _differences(self, sums: np.ndarray) -> np.ndarray:
        """Mean of each cluster less the mean of all documents."""
        means = sums / self.counts[:, np.newaxis]
        if len(means) == 1:
            return means
        return means - sums.sum(axis=0) / self.counts.sum()


class Candidates(NamedTuple):
    """Terms from which the name of a cluster is chosen.

    Attributes
    ----------
    columns : ndarray of shape (n_terms,), dtype=np.intp
        The terms, largest share first.
    shares : ndarray of shape (n_terms,), dtype=np.float64
        Their shares, which are above 0.
    """

    columns: np.ndarray
    shares: np.ndarray

    def merged(self, columns: np.ndarray, shares: np.ndarray, n: int) -> Candidates:
        """Return the best of these and of further terms.

        Parameters
        ----------
        columns : ndarray of shape (n_terms,), dtype=np.intp
            Further terms, whose columns are all larger.
        shares : ndarray of shape (n_terms,), dtype=np.float64
            Their shares.
        n : int
            Largest number of terms.

        Returns
        -------
        Candidates
            At most `n` terms. Among equal shares, the smaller column is first.
        """
        is_positive = shares > 0
        columns = np.concatenate([self.columns, columns[is_positive]])
        shares = np.concatenate([self.shares, shares[is_positive]])
        order = np.argsort(-shares, kind="stable")[:n]
        return Candidates(columns[order], shares[order])


def chosen_terms(terms: Sequence[str], vectors: np.ndarray, n_terms: int) -> list[int]:
    """Choose terms that say something new.

    Parameters
    ----------
    terms : sequence of str
        Terms, the most important first.
    vectors : ndarray of shape (len(terms), n_components)
        The unit vectors of the terms.
    n_terms : int
        Number of terms to choose.

    Returns
    -------
    list of int
        Places of at most `n_terms` terms. A term is left out if it has a word of an
        earlier chosen term. A term whose vector has a cosine above 0.75 to one is taken
        only if there are too few others; it then comes after them.
    """
    chosen: list[int] = []
    words: set[str] = set()
    for may_be_near in (False, True):
        for place, term in enumerate(terms):
            own = set(term.split())
            is_near = (vectors[chosen] @ vectors[place] > MAX_COSINE).any()
            if len(chosen) < n_terms and words.isdisjoint(own):
                if may_be_near or not is_near:
                    chosen.append(place)
                    words |= own
    return chosen
