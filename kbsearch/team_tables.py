"""`[[teams]]` tables of kbsearch.toml, which become rows of the database once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEYS = {"name", "agents", "products"}
MAX_TEAMS = 100


@dataclass(frozen=True)
class TeamTable:
    """Agents, by address, and the products they look after; none: what no other team does."""

    name: str
    agents: tuple[str, ...]
    products: tuple[str, ...] = ()  # slugs


def parse(tables: Any) -> tuple[TeamTable, ...]:
    """The teams that tables of TOML describe; raises ValueError with the team's name."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("write each team as a [[teams]] table of kbsearch.toml")
    if len(tables) > MAX_TEAMS:
        raise ValueError(f"more than {MAX_TEAMS} teams")
    return tuple(_team(place, table) for place, table in enumerate(tables, 1))


def _team(place: int, table: Mapping[str, Any]) -> TeamTable:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"team {place}: name: a text")
    unknown = set(table) - KEYS
    if unknown:
        names = ", ".join(sorted(KEYS))
        raise ValueError(f"team '{name}': there is no '{min(unknown)}'; pick from {names}")
    agents = _texts(table.get("agents"))
    if not agents:
        raise ValueError(f"team '{name}': agents: a list of addresses")
    products = _texts(table.get("products", []))
    if products is None:
        raise ValueError(f"team '{name}': products: a list of slugs")
    return TeamTable(name.strip(), tuple(agent.lower() for agent in agents), products)


def _texts(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(t, str) and t.strip() for t in value):
        return None
    return tuple(text.strip() for text in value)
