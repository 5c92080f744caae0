"""Small decisions about people's names. Pure."""

_BOUND = frozenset(
    ["عبد", "أبو", "ابو", "أم", "ام", "ابن", "بن", "abd", "abdel", "abdul", "abdal", "abu", "um", "umm", "ibn", "bin"]
)
"""Words that are half a name: nobody is greeted as “Abu”."""


def first_name(name: str) -> str:
    """What to greet a person with who gave one full name."""
    words = name.split()
    return " ".join(words[: 2 if len(words) > 1 and words[0].casefold() in _BOUND else 1])
