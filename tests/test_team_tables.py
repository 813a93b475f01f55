"""Teams of kbsearch.toml, as they are read before they become rows."""

from pathlib import Path

import pytest

from kbsearch import config, config_sources
from kbsearch.team_tables import TeamTable

SHOP = TeamTable("Shop", ("dan@support.example",), ("cervo-atelier",))
REST = TeamTable("Everything else", ("root@support.example", "eve@support.example"))


def test_teams_are_tables_of_the_configuration(tmp_path: Path):
    path = tmp_path / "kbsearch.toml"
    path.write_text(
        '[[teams]]\nname = "Shop"\nagents = ["Dan@Support.example"]\nproducts = ["cervo-atelier"]\n'
        '[[teams]]\nname = "Everything else"\n'
        'agents = ["root@support.example", "eve@support.example"]\n'
    )
    assert config_sources.load(path, environ={}).settings.teams == (SHOP, REST)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('agents = ["a@b.example"]', "team 1: name"),
        ('name = "Shop"', "team 'Shop': agents"),
        ('name = "Shop"\nagents = []', "team 'Shop': agents"),
        ('name = "Shop"\nagents = ["a@b.example"]\nproducts = "one"', "team 'Shop': products"),
        ('name = "Shop"\nagents = ["a@b.example"]\nproduct = ["x"]', "there is no 'product'"),
    ],
)
def test_a_wrong_team_refuses_to_start_and_says_which(tmp_path: Path, table: str, told: str):
    path = tmp_path / "kbsearch.toml"
    path.write_text(f"[[teams]]\n{table}\n")
    with pytest.raises(config.ConfigError, match=told):
        config_sources.load(path, environ={})
