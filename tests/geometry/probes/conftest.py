"""Needs of the probe tests: the extra `render`, and LLVM for the fast drawing variant."""

from __future__ import annotations

import ctypes.util
import importlib.util

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    render = all(importlib.util.find_spec(name) for name in ("trimesh", "embreex", "mitsuba"))
    llvm = ctypes.util.find_library("LLVM") or ctypes.util.find_library("LLVM-19")
    for item in items:
        if "probes" not in item.path.parts:
            continue
        if not render:
            item.add_marker(pytest.mark.skip(reason="needs the extra `render`"))
        for marker in item.iter_markers("needs_debian"):
            if marker.args == ("libllvm19",) and not llvm:
                item.add_marker(pytest.mark.skip(reason="needs Debian's libllvm19"))
