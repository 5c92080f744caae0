"""A worker with a deliberate fault, the negative control: permits count from the reservation instead of the close.

The check at the receivers must catch it; a check that does not is no check.
"""

from rida.cli import open_house

open_house()

from rida.dispatch import statements  # noqa: E402 - needs Django

_FAULTS = {
    "open": ("t.now + %(lease)s + %(window)s", "t.now + %(window)s"),
    "renew": (", counts_until = rida_now() + %(lease)s + %(window)s", ""),
    "close": ("counts_until = t.now + %(window)s", "counts_until = v.opened_at + %(window)s"),
    "reap": ("dead.lease_until + %(window)s", "dead.opened_at + %(window)s"),
}


def break_the_ledger() -> None:
    """Changes this process's statements only."""
    book = statements._statements()
    for name, (right, wrong) in _FAULTS.items():
        assert right in book[name], name
        book[name] = book[name].replace(right, wrong)


if __name__ == "__main__":
    from rida.worker import main

    break_the_ledger()
    main()
