"""The log of a process: standard error, one line per event, in UTC, safe to read line by line."""

import logging
import re
import time

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# C0 and C1 controls and the Unicode line ends: what a terminal or a log reader would act upon.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OneLine(logging.Formatter):
    """Nothing people typed can begin a line: it is escaped, and a traceback is indented."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(FORMAT, TIME_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _escaped(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        first, *more = super().format(record).split("\n")
        return "\n".join([first, *(f"    {_escaped(line)}" for line in more)])


def start(level: int = logging.INFO) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # It counts every request that waits a moment, loudest when there is no time for it.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _escaped(text: str) -> str:
    return CONTROL.sub(lambda control: f"\\x{ord(control[0]):02x}", text)
