# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the network tests."""
import os
import pathlib

import pytest

from lab import Lab


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): tests that share a worker and so their daemons")
    if not pathlib.Path("/mnt/etc").is_dir():
        pytest.exit("the network tests run by tests/net/run, in namespaces of their own", returncode=2)
    cap_sys_time = 1 << 25
    for line in pathlib.Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapBnd:"):
            assert int(line.split()[1], 16) & cap_sys_time == 0, "these tests must not be able to set the clock"
    os.umask(0o022)


@pytest.fixture
def lab(request):
    """An empty lab named after the test."""
    with Lab(request.node.name) as made:
        yield made
