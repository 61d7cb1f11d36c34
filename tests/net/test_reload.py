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


def test_replies_come_under_the_restrict_list_too(lab):
    """As with ntpd: who is shut out is asked and never heard, the log and ntpq say so; opening his address is enough."""
    servers = {"open": A, "dflt": B, "noserve": C, "notrust": "192.0.2.14", "version": "192.0.2.15"}
    up = lab.node("up", *servers.values())
    timeserver = daemons.TimeServer(up, {addr: {} for addr in servers.values()})
    node = lab.node("client", OURS)
    conf = ("restrict default ignore\nrestrict 127.0.0.1\nrestrict ::1\n" + f"restrict {A}\nrestrict {C} noserve\n"
            + f"restrict {servers['notrust']} notrust\nrestrict {servers['version']} version\n")
    sources = "".join(f"server {addr} iburst minpoll 1 maxpoll 2 version {3 if name == 'version' else 4}\n" for name, addr in servers.items())
    process = daemons.ntpd(node, conf + sources)
    daemons.wait_synchronised(node)
    shut = {"dflt": "ignore", "noserve": "noserve", "notrust": "notrust", "version": "version"}
    for name, flag in shut.items():
        process.wait_log(f"{servers[name]} is shut out: its replies are dropped, as a restrict line with '{flag}'", 10)
        assert timeserver.requests(servers[name]), name
    for name in ("dflt", "noserve", "notrust", "version"):
        process.wait_log(f"source {servers[name]} is shut out: restrict says '{shut[name]}'", 1)
    rows = daemons.peers(node)
    assert {name: rows[addr].reach > 0 for name, addr in servers.items()} == {name: name == "open" for name in servers}
    with node.socket() as sock:
        assert int(read_variables(sock, "127.0.0.1", names="ss_restricted")["ss_restricted"]) >= len(shut)
    reload(node, process, "restrict default ignore\nrestrict 127.0.0.1\nrestrict ::1\nrestrict source\n" + sources, "configuration read again")
    client = known(node)
    wait_until(lambda: all(r.reach > 0 for r in daemons.peers(node).values()), 15, "restrict source opens them all")
    assert len(client) == len(servers)


def test_a_storm_of_hangups_is_survived(lab):
    node, process = start(lab, f"server {A} iburst\n")
    before = known(node)
    for _ in range(300):
        process.popen.send_signal(signal.SIGHUP)
    daemons.wait_answers(node)
    assert known(node) == before
