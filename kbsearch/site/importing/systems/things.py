"""What a help desk holds, in plain things, whatever system it was; ids are those of the source."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Company:
    """An organisation; what is not said of it stays closed."""

    id: str
    name: str
    is_shared: bool = False
    contract_ends: str = ""
    line: int = 0  # of a file, where it has one
    renews: tuple[str, ...] = ()  # what of one that is here it changes


@dataclass(frozen=True)
class Somebody:
    """A person; who was deleted has no account, but is named where they wrote."""

    id: str
    email: str
    name: str
    role: str = "customer"
    language: str = ""
    company_ids: tuple[str, ...] = ()
    is_suspended: bool = False
    is_deleted: bool = False
    updated_at: str = ""
    line: int = 0
    renews: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """A team of those who answer."""

    id: str
    name: str
    member_ids: tuple[str, ...] = ()
    is_archived: bool = False


@dataclass(frozen=True)
class SourceFile:
    """A file in the folder of the source, by its path from there; `marks` are names in the text."""

    name: str
    path: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeskRequest:
    """A request; without words of its own the first public utterance describes it."""

    id: str
    number: object
    status: str
    created_at: str
    subject: str = ""
    requester_id: str = ""
    requester: str = ""  # an address, where there is no id
    company_id: str = ""
    assignee_id: str = ""
    assignee: str = ""  # the same
    product: str = ""
    version: str = ""
    group_id: str = ""
    severity: str = "minor"
    channel: str = ""
    copies: tuple[str, ...] = ()  # addresses
    copy_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    updated_at: str = ""
    solved_at: str = ""
    closed_at: str = ""
    is_private: bool = False
    html: str = ""
    text: str = ""
    files: tuple[SourceFile, ...] = ()
    message_id: str = ""
    follows: object = None  # numbers
    merged_into: object = None
    line: int = 0


@dataclass(frozen=True)
class Utterance:
    """What was said in a request: a note for agents unless its source says that it is public."""

    id: str
    request_id: str
    at: str
    html: str = ""
    text: str = ""
    author_id: str = ""
    author: str = ""  # an address or a name, where there is no id
    is_public: bool = False
    message_id: str = ""
    quoted: str = ""
    is_plain: bool = False  # shown letter for letter, as mail is
    files: tuple[SourceFile, ...] = ()


Thing = Company | Somebody | Group | DeskRequest | Utterance
