"""Which vault is the site's, by its settings."""

from pathlib import Path
from urllib.parse import urlsplit

from kbsearch.config import Settings
from kbsearch.errors import Problem
from kbsearch.vaults import Vault
from kbsearch.vaults.folder import FolderVault
from kbsearch.vaults.sftp import SftpVault


def open_vault(settings: Settings) -> Vault:
    """The one of the settings; raises Problem where there is none."""
    if not settings.backup_to:
        raise Problem("vault.none")
    scheme = urlsplit(settings.backup_to).scheme
    if scheme == "sftp":
        return SftpVault(settings.backup_to, settings.backup_ssh_config)
    if scheme == "s3":
        from kbsearch.vaults.s3 import S3Vault  # of an extra

        return S3Vault(settings.backup_to)
    return FolderVault(settings.at(Path(settings.backup_to)))
