"""The site's secret key."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from kbsearch import keys
from kbsearch.config import ConfigError, Settings


def test_the_key_is_made_once_and_only_its_owner_reads_it(settings: Settings):
    key = keys.site_key(settings)
    path = settings.data_path / "secret_key"
    assert len(key) == 32
    assert keys.site_key(settings) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]


def test_processes_that_start_together_agree(settings: Settings):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: keys.site_key(settings), range(40)))
    assert len(made) == 1


def test_a_key_that_others_can_read_is_refused(settings: Settings):
    keys.site_key(settings)
    path = settings.data_path / "secret_key"
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys.site_key(settings)


@pytest.mark.parametrize("text", ["", "abcd\n", "00" * 31])
def test_a_short_key_is_refused(settings: Settings, text: str):
    keys.site_key(settings)
    (settings.data_path / "secret_key").write_text(text)
    with pytest.raises(ConfigError, match="64 hexadecimal"):
        keys.site_key(settings)


def test_each_purpose_and_each_site_has_a_key_of_its_own(settings: Settings):
    drawn = keys.derive(settings, "codes")
    assert len(drawn) == 32
    assert drawn == keys.derive(settings, "codes")
    assert drawn != keys.derive(settings, "sessions")
    (settings.data_path / "secret_key").unlink()
    assert drawn != keys.derive(settings, "codes")


def test_a_key_of_the_settings_counts_instead_of_the_file(settings: Settings):
    chosen = replace(settings, secret_key="k" * 32)
    assert keys.site_key(chosen) != keys.site_key(settings)
    (settings.data_path / keys.KEY_NAME).unlink()
    assert keys.derive(chosen, "x") != keys.derive(chosen, "y")
    assert not (settings.data_path / keys.KEY_NAME).exists()
