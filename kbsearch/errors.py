"""What can go wrong for a person: a translatable key, its values and an HTTP status."""

from collections.abc import Mapping


class Problem(Exception):
    """A failure somebody must read; `key` names its message in the gettext catalogues."""

    status = 400

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key if not values else f"{key} {values}")
        self.key = key
        self.values = values


class Invalid(Problem):
    """What was sent cannot be accepted as it is."""

    status = 422


class InvalidForm(Invalid):
    """A form with several mistakes: `problems` has one by the name of each field."""

    def __init__(self, key: str, problems: Mapping[str, Problem]) -> None:
        super().__init__(key)
        self.problems = problems


class Conflict(Problem):
    """Somebody else was quicker; `differences` has what was sent and what is there, by field."""

    status = 409

    def __init__(
        self, key: str, differences: Mapping[str, tuple[str, str]], /, **values: object
    ) -> None:
        super().__init__(key, **values)
        self.differences = differences


class Outdated(Conflict):
    """A page changes what is not there as it was shown; `revision` is that of what is there now."""

    def __init__(
        self, key: str, differences: Mapping[str, tuple[str, str]], /, *, revision: str
    ) -> None:
        super().__init__(key, differences)
        self.revision = revision


class AlreadySent(Conflict):
    """The form of that key was sent with another text: what it says now needs a key of its own."""


class Full(Problem):
    """There is no room left to keep what was sent."""

    status = 507


class NotFound(Problem):
    """It does not exist, or not for this viewer: the two are the same."""

    status = 404


class Gone(Problem):
    """It was there, for this viewer too, and is no more."""

    status = 410


class Forbidden(Problem):
    """The viewer may see the thing but not do this to it."""

    status = 403


class TooMany(Problem):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429

    def __init__(self, key: str, /, *, retry_after: int, **values: object) -> None:
        super().__init__(key, **values)
        self.retry_after = retry_after


class SignInNeeded(Problem):
    """Nobody is signed in, and this is for people only."""

    status = 401


class Unavailable(Problem):
    """Not now: too much of it is under way, or who should answer does not."""

    status = 503

    def __init__(self, key: str, /, *, retry_after: int = 30, **values: object) -> None:
        super().__init__(key, **values)
        self.retry_after = retry_after
