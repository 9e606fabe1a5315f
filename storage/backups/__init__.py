"""Backups: what lasts of one installation, by content, in another store; each backup is a list of what was there."""

from storage.backups.records import Backup, Entry, load_backup
from storage.backups.restoring import restore_backup
from storage.backups.saving import save_backup

__all__ = ["Backup", "Entry", "load_backup", "restore_backup", "save_backup"]
