# SPDX-License-Identifier: BSD-2-Clause
"""SIGHUP reads the configuration again: as a whole or not at all, and nothing that did not change is disturbed."""
import signal

import daemons
from lab import wait_until
from ntpwire import associations, read_variables

OURS = "192.0.2.1"
A, B, C = "192.0.2.11", "192.0.2.12", "192.0.2.13"


def known(node):
    """Association id by address."""
    with node.socket() as sock:
        return {read_variables(sock, "127.0.0.1", assoc)["srcadr"]: assoc for assoc in associations(sock, "127.0.0.1") or {}}


def start(lab, conf):
    up = lab.node("up", A, B, C)
    daemons.TimeServer(up, {A: {}, B: {}, C: {}})
    node = lab.node("client", OURS)
    process = daemons.ntpd(node, conf)
    daemons.wait_synchronised(node)
    return node, process


def reload(node, process, conf, expected):
    seen = process.log().count(expected)
    (node.dir / "ntpd.conf").write_text(conf)
    process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: process.log().count(expected) > seen, 5, expected)


def test_unchanged_sources_are_kept_others_come_and_go(lab):
    node, process = start(lab, f"server {A} iburst\nserver {B} iburst\n")
    wait_until(lambda: daemons.peers(node)[A].reach and daemons.peers(node)[B].reach, 20, "both reached")
    before = known(node)
    reload(node, process, f"server {C} iburst\nserver {A} iburst\n", "1 sources kept, 1 added, 1 removed")
    after = known(node)
    assert after[A] == before[A], "the association that did not change is another one"
    assert set(after) == {A, C}
    assert daemons.peers(node)[A].reach, "what was learnt is forgotten"
    wait_until(lambda: daemons.peers(node)[C].reach, 20, "the new one is reached")
    daemons.wait_synchronised(node, timeout=5)


def test_changed_options_make_a_new_association(lab):
    node, process = start(lab, f"server {A} iburst\n")
    before = known(node)
    reload(node, process, f"server {A} iburst minpoll 4\n", "0 sources kept, 1 added, 1 removed")
    assert known(node)[A] != before[A]


def test_a_file_with_errors_is_refused_as_a_whole(lab):
    conf = f"server {A} iburst\nrestrict default nomodify\n"
    node, process = start(lab, conf)
    before = known(node)
    reload(node, process, f"server {B} iburst\nservre {C}\n", "the configuration in force stays as it is")
    assert "ntpd.conf:2:1:" in process.log()
    assert known(node) == before
    reload(node, process, f"server {B} iburst\nrestrict default nonsense\n", "the configuration in force stays as it is")
    assert known(node) == before
    (node.dir / "ntpd.conf").unlink()
    process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: process.log().count("the configuration in force stays as it is") == 3, 5, "the missing file is refused")
    assert known(node) == before
    assert daemons.wait_answers(node)


def test_restrict_lines_take_effect(lab):
    node, process = start(lab, f"server {A} iburst\n")
    other = lab.node("other", "192.0.2.2")
    with other.socket() as sock:
        assert daemons.ask(sock, OURS) is not None
    reload(node, process, f"server {A} iburst\nrestrict 192.0.2.2 ignore\n", "configuration read again")
    with other.socket() as sock:
        assert daemons.ask(sock, OURS, timeout=0.3, tries=2) is None
    reload(node, process, f"server {A} iburst\n", "configuration read again")
    with other.socket() as sock:
        assert daemons.ask(sock, OURS) is not None


def test_a_storm_of_hangups_is_survived(lab):
    node, process = start(lab, f"server {A} iburst\n")
    before = known(node)
    for _ in range(300):
        process.popen.send_signal(signal.SIGHUP)
    daemons.wait_answers(node)
    assert known(node) == before
