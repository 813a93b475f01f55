"""An installation: new, demo, import, export, backup, erasing, doctor."""
