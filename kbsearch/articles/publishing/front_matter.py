"""The YAML lines above an article: a closed list of keys, every value read as it was typed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from kbsearch.articles.publishing import foreign_keys
from kbsearch.articles.publishing.foreign_keys import Value
from kbsearch.clock import parsed, stored
from kbsearch.config import is_audience
from kbsearch.text.markup import slug_of

LIMIT = 8 * 1024  # bytes
STATUSES = ("draft", "published", "archived")
TEXTS = frozenset(
    {"title", "lang", "slug", "id", "version", "audience", "summary", "status", "updated"}
    | {"reviewed", "owner", "translation_of", "source_commit", "boost", "exclude"}
    | {"publish_at", "withdraw_at", "review_by"}
)
LISTS = frozenset({"alias", "product", "tags", "found_by", "trouvable_par"})
KNOWN = TEXTS | LISTS
AUDIENCES = "everyone, customers, agents, org:SLUG, product:SLUG"
_FENCE = "---"
_COMPARED = ("<", ">", "=")
_RANGE = re.compile(r"(?:(?:>=|<=|>|<|=) ?v?\d{1,9}(?:\.\d{1,9}){0,5}[ ,]{0,2}){1,4}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FOREIGN_FENCES = frozenset({"+++", ";;;", "{", "---toml", "---json"})
# CBaseLoader is not there where PyYAML was built without libyaml
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

Position = tuple[int, int]


class FrontMatterError(Exception):
    """The front matter cannot be used; `key` names the reason, at a line and a column."""

    def __init__(self, reason: str, place: Position, /, **values: str) -> None:
        super().__init__(reason, place, values)
        self.reason, self.place, self.values = reason, place, values


@dataclass(frozen=True)
class FrontMatter:
    """What an article says about itself."""

    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    places: dict[str, Position] = field(default_factory=dict)
    unknown: tuple[tuple[str, Position], ...] = ()
    foreign: tuple[str, ...] = ()  # keys of other tools that change nothing here

    def text(self, key: str) -> str:
        """The value of a key, empty when it is absent."""
        return self.texts.get(key, "")

    def list(self, key: str) -> tuple[str, ...]:
        """The values of a key, none when it is absent."""
        return self.lists.get(key, ())

    @property
    def found_by(self) -> tuple[str, ...]:
        return (*self.list("found_by"), *self.list("trouvable_par"))

    @property
    def status(self) -> str:
        return self.text("status") or "published"

    @property
    def publish_at(self) -> str:
        """From when it is shown, as moments are stored; empty for at once."""
        return _moment(self.text("publish_at"))

    @property
    def withdraw_at(self) -> str:
        """From when it is shown no more; empty for never."""
        return _moment(self.text("withdraw_at"))

    def is_shown_at(self, moment: str) -> bool:
        """Whether its time has come, and is not over."""
        return self.publish_at <= moment and not "" < self.withdraw_at <= moment

    def next_change(self, moment: str) -> str:
        """When it comes or goes next, after a moment; empty where it never does."""
        return min((at for at in (self.publish_at, self.withdraw_at) if at > moment), default="")

    def place(self, *keys: str) -> Position:
        """Where the first of these keys stands; the top of the file when none is there."""
        return next((self.places[key] for key in keys if key in self.places), (1, 1))


def split(text: str) -> tuple[str, str, int]:
    """The front matter, the body, and how many lines stand before the body."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        _refuse_other_forms(lines)
        return "", text, 0
    size = 0
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() in (_FENCE, "..."):
            return "\n".join(lines[1:number]) + "\n", "\n".join(lines[number + 1 :]), number + 1
        size += len(line.encode()) + 1
        if size > LIMIT:
            raise FrontMatterError("too-large", (number + 1, 1))
    raise FrontMatterError("unclosed", (1, 1))


def _refuse_other_forms(lines: list[str]) -> None:
    """Front matter that is none here would be shown as text, and what it says would be lost."""
    first = next((place for place, line in enumerate(lines, 1) if line.strip()), 0)
    begins = lines[first - 1].strip() if first else ""
    if begins in _FOREIGN_FENCES:
        raise FrontMatterError("not-yaml", (first, 1))
    if begins == _FENCE:
        raise FrontMatterError("not-first", (first, 1))


def read(text: str) -> FrontMatter:
    """Read the lines between the fences; raises FrontMatterError."""
    try:
        events = iter(yaml.parse(text, Loader=LOADER))
        return _checked(_mapping(events))
    except yaml.MarkedYAMLError as problem:
        place = place_of(problem.problem_mark or problem.context_mark)
        raise FrontMatterError("yaml", place, problem=problem.problem or "") from None
    except yaml.YAMLError as problem:  # a control character
        raise FrontMatterError("yaml", (1, 1), problem=str(problem).split("\n")[0]) from None


def place_of(mark: Any, first_line: int = 2) -> Position:
    """Where something stands in its file; the opening fence is line 1 of an article's."""
    return (mark.line + first_line, mark.column + 1) if mark else (1, 1)


def _mapping(events: Iterator[Any]) -> dict[str, tuple[Position, Value]]:
    """The keys with their values; None is a value with a structure of its own."""
    mapping: dict[str, tuple[Position, Value]] = {}
    for event in events:
        if isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent, yaml.StreamEndEvent)):
            continue
        if isinstance(event, yaml.DocumentEndEvent):
            continue
        if isinstance(event, yaml.ScalarEvent) and not event.value:
            continue  # nothing between the fences
        if not isinstance(event, yaml.MappingStartEvent) or mapping:
            raise FrontMatterError("not-a-mapping", place_of(event.start_mark))
        refuse_tricks(event)
        for key, place, value in _pairs(events):
            if key in mapping:
                raise FrontMatterError("duplicate", place, key=key)
            mapping[key] = place, value
    return mapping


def _pairs(events: Iterator[Any]) -> Iterator[tuple[str, Position, Value]]:
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            return
        refuse_tricks(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise FrontMatterError("not-a-mapping", place_of(event.start_mark))
        yield event.value, place_of(event.start_mark), _value(events)


def _value(events: Iterator[Any]) -> Value:
    event = next(events)
    refuse_tricks(event)
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    items: list[str] = []
    is_list, depth = isinstance(event, yaml.SequenceStartEvent), 1
    while depth:
        event = next(events)
        refuse_tricks(event)
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            is_list, depth = False, depth + 1
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            depth -= 1
        else:
            items.append(str(event.value))
    return tuple(items) if is_list else None


def refuse_tricks(event: Any, first_line: int = 2) -> None:
    """No anchors, aliases and tags: they make a few bytes stand for gigabytes, or for code."""
    if getattr(event, "anchor", None) is not None:  # an alias has one too
        raise FrontMatterError("alias", place_of(event.start_mark, first_line))
    if getattr(event, "tag", None) not in (None, "!"):
        raise FrontMatterError("tag", place_of(event.start_mark, first_line))


def _checked(mapping: dict[str, tuple[Position, Value]]) -> FrontMatter:
    texts: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    places: dict[str, Position] = {}
    unknown: list[tuple[str, Position]] = []
    foreign: list[str] = []
    for key, place, value in _named_as_here(mapping):
        if key not in KNOWN:
            if foreign_keys.holds_back(key, value):
                state = value if isinstance(value, str) else "…"
                raise FrontMatterError("state", place, key=key, value=state)
            if foreign_keys.is_known(key):
                foreign.append(key)
            else:
                unknown.append((key, place))
            continue
        places[key] = place
        if value is None or (key in TEXTS and not isinstance(value, str)):
            kind = "text" if key in TEXTS else "list"
            raise FrontMatterError(f"not-a-{kind}", place, key=key)
        if isinstance(value, str):
            value = " ".join(value.split())
        if key in TEXTS:
            assert isinstance(value, str)
            texts[key] = value
        else:
            items = (value,) if isinstance(value, str) else value
            lists[key] = tuple(" ".join(item.split()) for item in items if item.strip())
    front = FrontMatter(texts, lists, places, tuple(unknown), tuple(foreign))
    _check_values(front)
    return front


def _named_as_here(
    mapping: dict[str, tuple[Position, Value]],
) -> Iterator[tuple[str, Position, Value]]:
    """The keys by their names here; what a key of another tool says yields to our own."""
    for key, (place, value) in mapping.items():
        own_key = foreign_keys.MAPPED.get(key, "")
        is_fit = isinstance(value, str) or (own_key in LISTS and isinstance(value, tuple))
        if own_key and own_key not in mapping and is_fit:
            yield own_key, place, value
        else:
            yield key, place, value


def _check_values(front: FrontMatter) -> None:
    def refuse(key: str, expected: str) -> None:
        values = {"key": key, "value": front.text(key), "expected": expected}
        raise FrontMatterError("value", front.place(key), **values)

    if "audience" in front.texts and not is_audience(front.text("audience")):
        refuse("audience", AUDIENCES)
    if "status" in front.texts and front.text("status") not in STATUSES:
        refuse("status", ", ".join(STATUSES))
    if front.text("slug") and slug_of(front.text("slug")) != front.text("slug"):
        refuse("slug", slug_of(front.text("slug")) or "a-z, 0-9, -")
    if "exclude" in front.texts and front.text("exclude") not in ("true", "false"):
        refuse("exclude", "true, false")
    for key in ("updated", "reviewed", "review_by"):
        if front.text(key) and not _is_date(front.text(key)):
            refuse(key, "2026-11-22")
    for key in ("publish_at", "withdraw_at"):
        if front.text(key) and not _is_date(front.text(key)):
            refuse(key, "2026-11-22, 2026-11-22 09:00, 2026-11-22T09:00+01:00")
    if front.withdraw_at and front.withdraw_at <= front.publish_at:
        refuse("withdraw_at", f"> publish_at ({front.text('publish_at')})")
    if front.text("version").startswith(_COMPARED) and not _RANGE.fullmatch(front.text("version")):
        refuse("version", ">=4.2 <5, 4.x, 4.2")
    if front.text("review_by") and not _DAY.fullmatch(front.text("review_by")):
        refuse("review_by", "2026-11-22")


def _moment(text: str) -> str:
    return stored(parsed(text)) if text else ""


def _is_date(text: str) -> bool:
    try:
        parsed(text)
    except ValueError:
        return False
    return True


def to_json(front: FrontMatter) -> dict[str, Any]:
    """The front matter as it is kept with an article."""
    return dict(vars(front))


def from_json(fields: dict[str, Any]) -> FrontMatter:
    """The front matter that was kept."""
    return FrontMatter(
        texts=fields["texts"],
        lists={key: tuple(values) for key, values in fields["lists"].items()},
        places={key: (line, column) for key, (line, column) in fields["places"].items()},
        unknown=tuple((key, (line, column)) for key, (line, column) in fields["unknown"]),
        foreign=tuple(fields.get("foreign", ())),
    )
