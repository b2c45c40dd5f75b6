"""Online problems in several dimensions, judged by regret."""

from __future__ import annotations
