"""`python -m rida.cli` is `rida`."""

from rida.cli import main

main()
