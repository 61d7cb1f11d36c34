# SPDX-License-Identifier: BSD-2-Clause
"""The network tests' library for the tests of compatibility, which run as those do: tests/net/run tests/compat."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "net"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab import Lab  # noqa: E402  (the path comes first)


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): tests that share a worker and so their daemons")
    if not pathlib.Path("/mnt/etc").is_dir():
        pytest.exit("these tests run by tests/net/run, in namespaces of their own", returncode=2)
    os.umask(0o022)


@pytest.fixture
def lab(request):
    """An empty lab named after the test."""
    with Lab(request.node.name) as made:
        yield made
