"""Teams of kbsearch.toml: which agents are told of which requests."""

from pathlib import Path

import pytest

from kbsearch import config, teams
from kbsearch.teams import Team

SHOP = Team("Shop", ("dan@support.example",), ("cervo-atelier",))
REST = Team("Everything else", ("root@support.example", "eve@support.example"))


def test_a_product_is_its_teams_and_the_rest_is_for_those_without_one():
    assert teams.agents_of([SHOP, REST], "cervo-atelier") == frozenset(SHOP.agents)
    assert teams.agents_of([SHOP, REST], "icownect") == frozenset(REST.agents)
    assert teams.agents_of([SHOP, REST], None) == frozenset(REST.agents)


def test_several_teams_may_look_after_a_product():
    both = [SHOP, Team("Late", ("eve@support.example",), ("cervo-atelier", "icownect"))]
    found = teams.agents_of(both, "cervo-atelier")
    assert found == frozenset({"dan@support.example", "eve@support.example"})


def test_what_no_team_looks_after_is_for_every_agent():
    assert teams.agents_of([SHOP], "icownect") is None
    assert teams.agents_of([], None) is None


def test_teams_are_tables_of_the_configuration(tmp_path: Path):
    path = tmp_path / "kbsearch.toml"
    path.write_text(
        '[[teams]]\nname = "Shop"\nagents = ["Dan@Support.example"]\nproducts = ["cervo-atelier"]\n'
        '[[teams]]\nname = "Everything else"\n'
        'agents = ["root@support.example", "eve@support.example"]\n'
    )
    assert config.load(path, environ={}).settings.teams == (SHOP, REST)


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
        config.load(path, environ={})
