"""What is known about the messages of one volley. Pure bookkeeping: whatever has no outcome is returned in the end.

`held` are results that are not durable yet; they outlive a database that is away.
"""

from collections.abc import Iterable

from rida.delivery.ports import Item, Key, Place, Result, Volley, Word
from rida.kernel.reply import Outcome, Reply


class Tally:
    def __init__(self, volley: Volley) -> None:
        self.attempted = 0
        """MAIL commands put on the wire."""
        self.held: list[Result] = []
        self._open: dict[Key, Item] = {item.key: item for item in volley.items}
        self._halted: frozenset[Key] = frozenset()

    @property
    def open(self) -> tuple[Item, ...]:
        """Everything without an outcome, halted or not: what close has to return."""
        return tuple(self._open.values())

    @property
    def coming(self) -> tuple[Item, ...]:
        """What may still be sent, in order."""
        if not self._halted:
            return self.open
        return tuple(item for key, item in self._open.items() if key not in self._halted)

    def next(self) -> Item | None:
        """The first without an outcome; None once it is halted.

        Never one behind a halted one: should the node die, the reaper takes the first without an outcome for the one
        that may have reached the wire, and gives the others back to be sent.
        """
        key, item = next(iter(self._open.items()), (None, None))
        return None if key in self._halted else item

    def conclude(
        self, item: Item, outcome: Outcome, reply: Reply, *, hard: bool = False, moved_to: Place | None = None
    ) -> None:
        """The item has its outcome; the first one counts."""
        if self._open.pop(item.key, None) is not None:
            self.held.append(Result(item, outcome, reply, hard, moved_to))

    def defer(self, items: Iterable[Item], reply: Reply) -> None:
        for item in items:
            self.conclude(item, Outcome.DEFERRED, reply)

    def hear(self, word: Word) -> None:
        """Withheld ones are recorded already. Halted ones stay open, are not asked about again, and go back."""
        for key in word.withheld:
            self._open.pop(key, None)
        self._halted |= word.halted
