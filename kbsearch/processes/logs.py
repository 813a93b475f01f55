"""The log of a process: standard error, one line per event, in UTC, safe to read line by line."""

import json
import logging
import re
import time

from kbsearch import request_ids

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# C0 and C1 controls and the Unicode line ends: what a terminal or a log reader would act upon.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
OF_REQUESTS = ("method", "route", "status", "ms")  # what a record may say besides its message


class OneLine(logging.Formatter):
    """Nothing people typed can begin a line: it is escaped, and a traceback is indented."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(FORMAT, TIME_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        request_id = request_ids.current()
        line = super().formatMessage(record) + (f" [{request_id}]" if request_id else "")
        return _escaped(line)

    def format(self, record: logging.LogRecord) -> str:
        first, *more = super().format(record).split("\n")
        return "\n".join([first, *(f"    {_escaped(line)}" for line in more)])


class OneObject(logging.Formatter):
    """An event as a JSON object on a line of its own."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "time": f"{self.formatTime(record, TIME_FORMAT)[:-1]}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if request_id := request_ids.current():
            event["request_id"] = request_id
        event |= {name: vars(record)[name] for name in OF_REQUESTS if name in vars(record)}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event)  # in ASCII: no sign of it ends a line


def start(log_format: str = "text", level: int = logging.INFO) -> None:
    """Log to standard error from now on, in the format of the setting of that name."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneObject() if log_format == "json" else OneLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # It counts every request that waits a moment, loudest when there is no time for it.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _escaped(text: str) -> str:
    return CONTROL.sub(lambda control: f"\\x{ord(control[0]):02x}", text)
