"""The messages of one kind in a batch, sorted by the form of their payloads before they are decoded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ingest import contract
from ingest.contract import Kind
from ingest.readings import Int, Row
from ingest.rejected import Problem, Reason


@dataclass(frozen=True, slots=True)
class Pile:
    """The messages of one kind in a batch: their rows, payloads and places in the batch."""

    rows: Row
    payloads: list[bytes]
    places: Int

    @classmethod
    def of(cls, rows: Row, which: NDArray[np.bool_], payloads: Sequence[bytes]) -> Self:
        """Those of a batch's payloads for which `which` (n,) is true; `rows` (n,) are the devices of all."""
        places = np.flatnonzero(which)
        return cls(rows[places], [payloads[place] for place in places.tolist()], places)

    def take(self, index: list[int]) -> Self:
        """The messages at `index`, in that order."""
        return replace(
            self, rows=self.rows[index], payloads=[self.payloads[i] for i in index], places=self.places[index]
        )


def by_form(kind: Kind, pile: Pile, problems: list[Problem]) -> tuple[Pile, Pile]:
    """Split a pile into JSON and binary by each payload's first bytes; anything else is a problem."""
    magic = contract.MAGIC.get(kind)
    # Most often all are of one form, and a look at their beginnings says so.
    if {payload[:1] for payload in pile.payloads} <= {b"{", b"["}:
        return pile, pile.take([])
    if {payload[:2] for payload in pile.payloads} == {magic}:
        return pile.take([]), pile
    texts, binaries = [], []
    payloads = list(pile.payloads)
    for index, payload in enumerate(pile.payloads):
        start = payload.lstrip()[:1]
        if start in (b"{", b"["):
            texts.append(index)
        elif magic is not None and payload.startswith(magic):
            binaries.append(index)
        elif kind is Kind.SOS and not start:  # an empty payload is a press
            payloads[index] = b"{}"
            texts.append(index)
        else:
            reason = Reason.NOT_BINARY if magic is not None else Reason.NOT_JSON
            expected = f" or {magic.decode()}" if magic is not None else ""
            detail = f"starts with {payload[:4]!r}, expected {{, [{expected}" if payload else "empty"
            problems.append(Problem(int(pile.places[index]), reason, detail))
    pile = replace(pile, payloads=payloads)
    return pile.take(texts), pile.take(binaries)
