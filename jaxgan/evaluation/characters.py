"""Which characters a generator draws, from a classifier's probabilities: counted, judged and put into words.

A sample is *recognised* where its top probability reaches the threshold. A character is *drawn* where
its share of the recognised samples is at least a tenth of its share of the recognised real images. It is
*lost* where it is not drawn and chance does not explain that: were it drawn at exactly that tenth, so
few samples of it would come up less than once in 20 times (one-sided binomial test; with no sample of it
at all, the real share times the recognised samples must exceed about 30). In between it is *undecided*.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

from jaxgan.evaluation import Caveat

THRESHOLD = 0.5
DRAWN = 0.1  # of the real share
SIGNIFICANCE = 0.05


def count(probabilities: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """How many samples are recognised as each class (K,), from probabilities (N, K)."""
    recognised = probabilities[probabilities.max(axis=1) >= threshold]
    return np.bincount(recognised.argmax(axis=1), minlength=probabilities.shape[1])


def shares(probabilities: np.ndarray, threshold: float = THRESHOLD) -> tuple[np.ndarray, float]:
    """Each class's share (K,) of the recognised samples, and the recognised fraction of all, from (N, K).

    All shares are 0 where no sample is recognised.
    """
    counts = count(probabilities, threshold)
    return _normalised(counts), float(counts.sum() / len(probabilities))


def _normalised(counts: np.ndarray) -> np.ndarray:
    return counts / max(counts.sum(), 1)


def effective_number(shares: np.ndarray) -> float:
    """exp(entropy) of shares (K,): K where all are equal, 1 where one has everything, 0 where all are 0."""
    present = shares[shares > 0]
    return float(np.exp(-(present * np.log(present)).sum())) if present.size else 0.0


class Verdicts(NamedTuple):
    """Three disjoint masks (K,), as the module defines them; a character without real images is in none."""

    drawn: np.ndarray
    lost: np.ndarray
    undecided: np.ndarray


def judge(counts: np.ndarray, real_shares: np.ndarray) -> Verdicts:
    """Tells drawn, lost and undecided characters apart, from counts (K,) of samples and real shares (K,)."""
    least = DRAWN * real_shares
    known = real_shares > 0
    drawn = known & (counts > 0) & (_normalised(counts) >= least)
    lost = known & ~drawn & (bdtr(counts, counts.sum(), least) < SIGNIFICANCE)
    return Verdicts(drawn, lost, known & ~drawn & ~lost)


def sentence(counts: np.ndarray, total: int, real_shares: np.ndarray, names: Sequence[str]) -> str:
    """What `total` samples show, by share: "draws 2 of 3 characters: bart 71 %, lisa 29 %; lost: marge; ..."."""
    known = int((real_shares > 0).sum())
    if not known:
        return "no real image is recognised, so no character can be counted"
    if not counts.sum():
        return f"draws none of {_characters(known)}: no sample is recognised"
    verdicts, share = judge(counts, real_shares), _normalised(counts)
    parts = [_drawn(verdicts.drawn, share, known, names)]
    for word, mask in (("lost", verdicts.lost), ("undecided", verdicts.undecided)):
        if mask.any():
            parts.append(f"{word}: {', '.join(names[k] for k in _descending(mask, real_shares))}")
    return "; ".join([*parts, _nobody(1 - counts.sum() / total)])


def _drawn(drawn: np.ndarray, share: np.ndarray, known: int, names: Sequence[str]) -> str:
    how_many = {0: "none of", known: "all" if known > 1 else "1 of"}.get(int(drawn.sum()), f"{drawn.sum()} of")
    listed = ", ".join(f"{names[k]} {percent(share[k])}" for k in _descending(drawn, share))
    return f"draws {how_many} {_characters(known)}" + (f": {listed}" if listed else "")


def _descending(mask: np.ndarray, by: np.ndarray) -> Iterable[int]:
    return [k for k in np.argsort(-by, kind="stable") if mask[k]]


def _characters(known: int) -> str:
    return f"{known} character{'s' if known > 1 else ''}"


def _nobody(share: float) -> str:
    return f"{percent(share)} of the samples are nobody in particular" if share else "every sample is recognised"


def percent(share: float) -> str:
    """A share in words, whole per cents; "under 1 %" and "over 99 %" where rounding would say none or all."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def undecided(counts: np.ndarray, real_shares: np.ndarray, names: Sequence[str]) -> Caveat | None:
    """Says which characters are undecided; None where none is."""
    found = _descending(judge(counts, real_shares).undecided, real_shares)
    return Caveat("undecided", {"count": int(counts.sum()), "names": [names[k] for k in found]}) if found else None
