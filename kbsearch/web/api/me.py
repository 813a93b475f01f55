"""Whoever the program acts as."""

from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller
from kbsearch.web.api.fields import Values
from kbsearch.web.api.operations import ApiAnswer, Operation, offer


@offer(Operation("GET", "/me", shapes.ME, searches=True))
def show_me(arguments: Values) -> ApiAnswer:
    """Who the token stands for"""
    return ApiAnswer(shapes.values(caller(), shapes.ME))
