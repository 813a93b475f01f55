"""What an import did, line by line where something was wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kbsearch import i18n
from kbsearch.errors import Problem

KEPT_REMARKS = 1000  # a report file takes them all; memory only the first ones


@dataclass(frozen=True)
class Remark:
    """A line that was refused, or taken in with a change; `subject` is its number or address."""

    line: int
    subject: str
    refused: bool
    problem: Problem

    def told(self, language: str) -> dict[str, object]:
        """The remark in words."""
        return {
            "line": self.line,
            "subject": self.subject,
            "refused": self.refused,
            "kind": self.problem.key,
            "reason": i18n.explain(self.problem, language),
        }


@dataclass
class Report:
    """Counts of lines, and the first remarks; `tell` hears every one."""

    tell: Callable[[Remark], None] = lambda remark: None
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    altered: int = 0
    remarks: list[Remark] = field(default_factory=list)

    @property
    def read(self) -> int:
        return self.created + self.updated + self.unchanged + self.refused

    def refuse(self, line: int, subject: str, problem: Problem) -> None:
        """The line is not taken in."""
        self.refused += 1
        self._keep(Remark(line, subject, True, problem))

    def alter(self, line: int, subject: str, problem: Problem) -> None:
        """The line is taken in without something that could not be kept."""
        self.altered += 1
        self._keep(Remark(line, subject, False, problem))

    def _keep(self, remark: Remark) -> None:
        self.tell(remark)
        if len(self.remarks) < KEPT_REMARKS:
            self.remarks.append(remark)
