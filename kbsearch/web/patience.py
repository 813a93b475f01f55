"""More time for a request that rightly takes long: its process is not taken for one that hangs."""

from flask import request

from kbsearch.web.connections import PATIENCE

EXPORT = 300.0  # seconds for the first line of a file that is made when it is asked for


def ask_for(seconds: float) -> None:
    """Have the parent of this process wait that long; an answer that grows need not ask again."""
    ask = request.environ.get(PATIENCE)
    if ask is not None:  # no server of ours, as in most tests
        ask(seconds)
