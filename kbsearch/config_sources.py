"""Where settings come from: flags over KBSEARCH_* (or KBSEARCH_*_FILE) over kbsearch.toml."""

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kbsearch import cluster_address, config_checks, field_tables, target_tables, team_tables
from kbsearch.config import BUCKET, CONFIG_NAME, FIELDS, ConfigError, Settings

SOURCES = "KBSEARCH_SOURCES"  # where the settings come from that a parent gives its children
POSTGRESQL_SCHEMES = ("postgresql://", "postgres://")
TABLES = frozenset({"fields", "teams", "targets"})  # what only kbsearch.toml can hold


@dataclass(frozen=True)
class Configuration:
    """The settings in force, where each value came from, and the file that was read."""

    settings: Settings
    sources: Mapping[str, str]
    path: Path | None = None


def load(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Configuration:
    """Read the settings; raises ConfigError on an unknown name or a wrong value."""
    path = config or _find(environ)
    values: dict[str, Any] = {}
    sources = dict.fromkeys(FIELDS, "default")
    if path is not None:
        values["site"], sources["site"] = path.parent, str(path)
        for name, value in _read_toml(path).items():
            values[name], sources[name] = convert(name, value, str(path)), str(path)
    parents_sources = json.loads(environ.get(SOURCES, "{}"))
    for name in FIELDS:
        setting = _from_environment(name, environ)
        if setting is not None:
            text, source = setting
            values[name] = convert(name, text, source)
            sources[name] = parents_sources.get(name, source)
    for name, value in (flags or {}).items():
        if value is not None:
            values[name], sources[name] = convert(name, value, f"--{name}"), "flag"
    settings = Settings(**values)
    config_checks.check(settings, sources)
    return Configuration(settings, sources, path)


def _find(environ: Mapping[str, str]) -> Path | None:
    """The configuration: KBSEARCH_CONFIG, here, or in the one folder below that has one."""
    if environ.get("KBSEARCH_CONFIG"):
        return Path(environ["KBSEARCH_CONFIG"])
    here = Path.cwd() / CONFIG_NAME
    if here.exists():
        return here
    below = sorted(Path.cwd().glob(f"*/{CONFIG_NAME}"))
    return below[0] if len(below) == 1 else None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; 'kbsearch init DIR' makes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigError(f"{path}: {problem}") from None


def _from_environment(name: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    variable = f"KBSEARCH_{name.upper()}"
    if variable in environ:
        return environ[variable], variable
    file = environ.get(f"{variable}_FILE")
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip(), f"{variable}_FILE"
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{variable}_FILE: {problem}") from None


def convert(name: str, value: Any, source: str) -> Any:
    """The value that a text or one of TOML means; raises ConfigError with its source."""
    if name not in FIELDS:
        raise ConfigError(f"{source}: there is no setting '{name}'; see the README's table")
    converter = _CONVERT_NAMED.get(name) or _CONVERT[type(FIELDS[name].default)]
    try:
        return converter(value)
    except (TypeError, ValueError) as problem:
        reason = config_checks.NOT_WHOLE if converter is _integer else ""
        raise ConfigError(f"{source}: {name}: {problem}", name, reason) from None


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not str(value).strip().lstrip("-").isdecimal():
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return text == "true"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value


def _path(value: Any) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise ValueError(f"{value!r} is not a path")
    return Path(value).expanduser()


def database_of(value: Any) -> Path | str:
    """A file, or the address of a server; raises ValueError."""
    if not str(value).startswith(POSTGRESQL_SCHEMES):
        return _path(value)
    if not find_spec("psycopg"):
        raise ValueError("PostgreSQL is not installed; run: pip install 'kbsearch[postgresql]'")
    return str(value)


def files_of(value: Any) -> Path | str:
    """A folder, the address of a bucket, or nothing; raises ValueError."""
    if not str(value):
        return ""
    if "://" not in str(value):
        return _path(value)
    if not BUCKET.fullmatch(str(value)):
        raise ValueError("it is a folder, or s3://bucket/prefix")
    if not find_spec("obstore"):
        raise ValueError("S3 is not installed; run: pip install 'kbsearch[s3]'")
    return str(value)


def index_of(value: Any) -> Path | str:
    """A folder, or the address of a cluster; raises ValueError."""
    if not cluster_address.is_address(str(value)):
        return _path(value)
    cluster_address.parsed(str(value))
    if not find_spec("opensearchpy"):
        raise ValueError("OpenSearch is not installed; run: pip install 'kbsearch[opensearch]'")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{value!r} is not a list of texts")
    return tuple(part.strip() for part in parts if part.strip())


_CONVERT: dict[type, Callable[[Any], Any]] = {
    bool: _boolean,
    int: _integer,
    str: _text,
    tuple: _texts,
    type(Path()): _path,
}


_CONVERT_NAMED: dict[str, Callable[[Any], Any]] = {
    "database": database_of,
    "fields": field_tables.parse,
    "files": files_of,
    "index": index_of,
    "teams": team_tables.parse,
    "targets": target_tables.parse,
}
