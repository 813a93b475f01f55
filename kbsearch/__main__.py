"""`python -m kbsearch` is the `kbsearch` command: the process tree starts its children so."""

from kbsearch.cli import main

main()
