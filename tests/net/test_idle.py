# SPDX-License-Identifier: BSD-2-Clause
"""Idle means asleep: between its polls ntpd does not run, with one worker or several."""
import os
import pathlib
import re
import time

import pytest

import daemons
from lab import program
from ntpwire import read_variables

SOURCES = [f"192.0.2.{i}" for i in range(10, 14)]
WINDOW = 20             # s
FOR_A_POLL = 2          # times to wake: it is time to ask, and the answer is there
FOR_NOTHING = 0.1       # 1/s: what issue 4 allows beyond that

with open(program("ntpd"), "rb") as binary:
    SANITIZED = re.search(rb"__[at]san_init", binary.read()) is not None


def slept(process):
    """How often its threads have gone to sleep."""
    total = 0
    for task in os.listdir(f"/proc/{process.pid}/task"):
        status = pathlib.Path(f"/proc/{process.pid}/task/{task}/status").read_text(encoding="ascii")
        total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", status, re.M)[1])
    return total


def polls(node):
    with node.socket() as sock:
        return int(read_variables(sock, "127.0.0.1", names="timer_xmts")["timer_xmts"])


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's threads wake as they like")
def test_nothing_wakes_it_but_polls(lab):
    daemons.TimeServer(lab.node("up", *SOURCES), {address: {} for address in SOURCES})
    conf = "".join(f"server {address} iburst minpoll 4 maxpoll 4\n" for address in SOURCES)
    nodes, processes = [], []
    for i, line in enumerate(["", "workers 2\n"]):
        nodes.append(lab.node(f"node{i}", f"192.0.2.{101 + i}"))
        processes.append(daemons.ntpd(nodes[i], conf + line, name=f"ntpd{i}"))
    for node in nodes:
        daemons.wait_synchronised(node)
    time.sleep(1)       # what the questions just asked have woken is asleep again
    before = [(polls(node), slept(process)) for node, process in zip(nodes, processes)]
    time.sleep(WINDOW)
    after = [slept(process) for process in processes]
    for node, (asked, was), now in zip(nodes, before, after):
        sent = polls(node) - asked
        assert sent > 0
        beyond = now - was - FOR_A_POLL * sent
        # The question for the first count has gone to sleep after that count.
        assert beyond <= 1 + FOR_NOTHING * WINDOW, f"woken {now - was} times in {WINDOW} s, for {sent} polls"
