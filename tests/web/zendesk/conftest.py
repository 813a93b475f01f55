"""A site that answers programs written for Zendesk."""

from pathlib import Path

import pytest

from kbsearch.config import Settings
from tests.kit.programs import BASE_URL


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(site=tmp_path, base_url=BASE_URL, zendesk_api=True)
