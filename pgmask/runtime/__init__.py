"""The runtime inside the database: install and upgrade it, and say what is wrong around it."""

from pgmask.runtime.install import Installed, install, script, state, upgrade

__all__ = ["Installed", "install", "script", "state", "upgrade"]
