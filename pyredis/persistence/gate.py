"""gate: why writes are refused, if they are: what is written could not be kept.

Each part says for itself what is wrong; the first in the order of OWNERS is what clients are told.
"""

from typing import Any

import _pyredis.saving as saving

OWNERS = ("rdb", "aof")


class DiskGate:
    def __init__(self, core: Any) -> None:
        self._core = core
        self._texts = dict.fromkeys(OWNERS, "")

    def set(self, owner: str, text: str) -> None:
        """`text` is the whole error, "MISCONF ..."; empty: this owner has nothing against writes."""
        if self._texts[owner] != text:
            self._texts[owner] = text
            saving.set_disk_gate(self._core, self.text.encode())

    @property
    def text(self) -> str:
        return next((text for text in self._texts.values() if text), "")
