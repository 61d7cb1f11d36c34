# SPDX-License-Identifier: BSD-2-Clause
"""How our daemon treats its upstream servers when they or the network misbehave."""
import re
import statistics

import pytest

import daemons
from lab import DNS_ADDR, wait_until
from ntpwire import Packet, associations, read_variables

OURS = "192.0.2.1"
A, B, C, D = "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"
A6 = "2001:db8::11"


def upstream_and_client(lab, servers, *extra):
    """A time server node with the given addresses and settings, and a node for our daemon."""
    up = lab.node("up", *servers, *extra)
    return up, daemons.TimeServer(up, servers), lab.node("client", OURS, "2001:db8::1")


def association(node, addr):
    """Peer variables of the association with addr, or None."""
    with node.socket() as sock:
        for assoc in associations(sock, "127.0.0.1") or {}:
            found = read_variables(sock, "127.0.0.1", assoc)
            if found and found.get("srcadr") == addr:
                return found
    return None


def reach(node, addr):
    found = association(node, addr)
    return int(found["reach"], 0) if found else None


def wait_burst(timeserver, addr, count=6, timeout=30):
    """Waits until addr was asked so often."""
    return wait_until(lambda: len(found := timeserver.requests(addr)) >= count and found, timeout,
                      f"{addr} asked {count} times")


# ---- the long ones first, so that the others run beside them ----

def test_server_that_stays_unreachable_is_resolved_again(lab):
    """Its name has moved to another address meanwhile."""
    up, timeserver, client = upstream_and_client(lab, {A: {}, B: {"refid": "NEW"}}, DNS_ADDR)
    names = daemons.Names(up, {"moving.example": A})
    daemons.ntpd(client, "server moving.example iburst minpoll 3 maxpoll 3\n")
    daemons.wait_synchronised(client)
    names.set("moving.example", B)
    timeserver.set(A, drop=1)
    wait_until(lambda: B in daemons.try_peers(client), 150, "the new address is asked", interval=1)
    wait_until(lambda: reach(client, B), 20, "the new address is reached")
    assert A not in daemons.peers(client)


def root_dispersion(node):
    """ms"""
    text = node.run([daemons.program("ntpq"), "-c", "rv 0 rootdisp"]).stdout
    return float(re.search(r"rootdisp=([0-9.]+)", text)[1])


def test_server_that_is_lost_loses_its_reach(lab):
    """And its status: once nothing has been heard for long, ntpq shows an empty register and no system peer."""
    _, timeserver, client = upstream_and_client(lab, {A: {}})
    daemons.ntpd(client, f"server {A} iburst minpoll 3 maxpoll 3\n")
    daemons.wait_synchronised(client)
    timeserver.set(A, drop=1)
    wait_until(lambda: reach(client, A) == 0, 100, "the reach register has run out", interval=1)
    wait_until(lambda: daemons.peers(client)[A].tally == " ", 20, "it is no source any more")
    timeserver.set(A, drop=0)
    wait_until(lambda: daemons.peers(client)[A].tally == "*", 60, "it is back", interval=1)


def test_an_offset_that_waits_for_the_stepout_is_owned_up_to(lab):
    """Until it is stepped or gone our clock may be wrong by as much, and our root dispersion says so."""
    _, timeserver, client = upstream_and_client(lab, {A: {}})
    daemons.ntpd(client, f"server {A} iburst minpoll 3 maxpoll 3\n")
    daemons.wait_synchronised(client)
    assert root_dispersion(client) < 100
    timeserver.set(A, offset=0.5)
    wait_until(lambda: root_dispersion(client) >= 500, 60, "the root dispersion covers the offset", interval=1)
    assert daemons.peers(client)[A].tally == "*"


# ---- requests ----

def test_requests_tell_nothing_and_cannot_be_guessed(lab):
    """RFC 9109 and data minimisation: ports and transmit times are random, everything else is constant."""
    _, timeserver, client = upstream_and_client(lab, {A: {}, B: {}, C: {}, D: {}})
    daemons.ntpd(client, "".join(f"server {a} iburst\n" for a in (A, B, C, D)))
    daemons.wait_synchronised(client)
    wait_burst(timeserver, D)
    seen = timeserver.requests()
    ports = [r["port"] for r in seen]
    assert len(set(ports)) >= 4 and min(ports) >= 1024 and 123 not in ports
    for r in seen:
        packet = Packet.unpack(r["header"])
        assert (packet.version, packet.mode, packet.stratum) == (4, 3, 0)
        assert (packet.reftime, packet.origin, packet.receive) == (0, 0, 0)
        assert (packet.rootdelay, packet.rootdisp, packet.refid) == (0, 0, bytes(4))
        assert packet.transmit != 0
    # Times of now would all have the same top octets; random ones differ in half of their bits.
    stamps = [Packet.unpack(r["header"]).transmit for r in seen]
    assert len(set(stamps)) == len(stamps)
    differing = [(a ^ b).bit_count() for a, b in zip(stamps, stamps[1:])]
    assert 24 < statistics.mean(differing) < 40


def test_burst_is_spaced_by_two_seconds_and_then_rests(lab):
    _, timeserver, client = upstream_and_client(lab, {A: {}})
    daemons.ntpd(client, f"server {A} iburst\n")
    daemons.wait_synchronised(client)
    times = [r["time"] for r in wait_burst(timeserver, A, 6)]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert min(gaps) > 1.5, "guard time"
    assert max(gaps[:3]) < 3.5, "in a burst"


def test_ipv6_server_is_followed(lab):
    _, _, client = upstream_and_client(lab, {A6: {}})
    daemons.ntpd(client, f"server {A6} iburst\n")
    reply = daemons.wait_synchronised(client)
    assert reply.stratum == 2
    assert daemons.peers(client)[A6].tally == "*"


def test_pool_becomes_several_associations(lab):
    up, _, client = upstream_and_client(lab, {A: {}, B: {}, C: {}, D: {}}, DNS_ADDR)
    daemons.Names(up, {"pool.example": [A, B, C, D]})
    daemons.ntpd(client, "pool pool.example iburst\ntos maxclock 5\n")
    wait_until(lambda: {A, B, C, D} <= daemons.try_peers(client).keys(), 40, "each address of the pool is asked")
    daemons.wait_synchronised(client)


def test_noselect_server_is_watched_only(lab):
    _, _, client = upstream_and_client(lab, {A: {}, B: {"offset": 0.3}})
    daemons.ntpd(client, f"server {A} iburst noselect\nserver {B} iburst\n")
    daemons.wait_synchronised(client)
    wait_until(lambda: reach(client, A), 20, "the watched server is reachable")
    rows = daemons.peers(client)
    assert (rows[A].tally, rows[B].tally) == (" ", "*")
    assert daemons.offset_of(client, "127.0.0.1") == pytest.approx(0.3, abs=0.002)


def test_prefer_decides_among_equals(lab):
    _, _, client = upstream_and_client(lab, {A: {"delay": 0.002}, B: {"delay": 0.004}, C: {"delay": 0.003}})
    daemons.ntpd(client, f"server {A} iburst\nserver {B} iburst prefer\nserver {C} iburst\n")
    daemons.wait_synchronised(client)
    wait_until(lambda: daemons.peers(client)[B].tally == "*", 20, "the preferred server is system peer")


# ---- kisses ----

def test_deny_ends_the_asking(lab):
    """CLI-11: nothing more is sent there, the other server is not affected, and the listing shows the code."""
    _, timeserver, client = upstream_and_client(lab, {A: {"kod": "DENY"}, B: {}})
    daemon = daemons.ntpd(client, f"server {A} iburst\nserver {B} iburst\n")
    daemons.wait_synchronised(client)
    wait_burst(timeserver, B, 5)
    assert len(timeserver.requests(A)) == 1
    assert daemons.peers(client)[A].refid == ".DENY."
    assert "DENY" in daemon.log()


def test_rate_ends_the_burst_and_lengthens_the_poll(lab):
    """CLI-10."""
    _, timeserver, client = upstream_and_client(lab, {A: {"kod": "RATE"}, B: {}})
    daemons.ntpd(client, f"server {A} iburst minpoll 4 maxpoll 8\nserver {B} iburst\n")
    daemons.wait_synchronised(client)
    wait_burst(timeserver, B, 6)
    assert len(timeserver.requests(A)) <= 2, "the burst stopped"
    found = association(client, A)
    assert int(found["hpoll"]) > 4, found
    assert daemons.peers(client)[A].refid == ".RATE."
    assert reach(client, A) == 0


@pytest.mark.parametrize("code", ["DENY", "RATE"])
def test_forged_kiss_is_ignored(lab, code):
    """CLI-09: with a wrong origin it is not from our server."""
    _, timeserver, client = upstream_and_client(lab, {A: {"kod": code, "origin": "wrong"}, B: {}})
    daemons.ntpd(client, f"server {A} iburst minpoll 4\nserver {B} iburst\n")
    daemons.wait_synchronised(client)
    wait_burst(timeserver, A, 4)
    assert int(association(client, A)["hpoll"]) == 4


# ---- wrong replies ----

@pytest.mark.parametrize("settings", [
    pytest.param({"origin": "wrong"}, id="wrong_origin"), pytest.param({"origin": "zero"}, id="zero_origin"),
    pytest.param({"leap": 3}, id="leap_unsynchronised"), pytest.param({"stratum": 16}, id="stratum_16"),
    pytest.param({"rootdisp": 20}, id="root_dispersion_20_s")])
def test_unusable_reply_moves_nothing(lab, settings):
    """CLI-02, CLI-12, CLI-13: half a second off, the bad server would be noticed if it were believed."""
    _, timeserver, client = upstream_and_client(lab, {A: {"offset": 0.5, **settings}})
    daemons.ntpd(client, f"server {A} iburst minpoll 3 maxpoll 3\n")
    wait_burst(timeserver, A, 4)
    reply = daemons.wait_answers(client)
    assert reply.leap == 3 and reply.stratum == 0
    assert daemons.peers(client)[A].tally == " "
    if "origin" in settings:
        assert reach(client, A) == 0
    # Once the server mends its ways the same association takes its time.
    timeserver.set(A, origin="right", leap=0, stratum=1, rootdisp=0)
    daemons.wait_synchronised(client, timeout=60)
    assert daemons.offset_of(client, "127.0.0.1") == pytest.approx(0.5, abs=0.002)


def test_duplicated_replies_count_once(lab):
    """CLI-04."""
    _, timeserver, client = upstream_and_client(lab, {A: {"copies": 5}})
    daemons.ntpd(client, f"server {A} iburst\n")
    daemons.wait_synchronised(client)
    found = association(client, A)
    asked = len(timeserver.requests(A))
    stages = [float(x) for x in found["filtdisp"].split()]
    assert sum(disp < 15 for disp in stages) <= asked, "one sample for each request"


def test_panic_ends_the_daemon_with_255(lab):
    """An hour off without -g: the clock is not set, the daemon says what to do and ends."""
    _, _, client = upstream_and_client(lab, {a: {"offset": 3600} for a in (A, B, C)})
    daemon = daemons.ntpd(client, "".join(f"server {a} iburst\n" for a in (A, B, C)), may_end=True)
    assert daemon.wait(40) == 255
    assert "panic" in daemon.log()


def test_dash_g_lets_the_first_correction_be_large(lab):
    _, _, client = upstream_and_client(lab, {a: {"offset": 3600} for a in (A, B, C)})
    daemons.ntpd(client, "".join(f"server {a} iburst\n" for a in (A, B, C)), "-g")
    daemons.wait_synchronised(client)
    assert daemons.offset_of(client, "127.0.0.1") == pytest.approx(3600, abs=0.002)


# ---- names and network ----

def test_name_that_appears_later_is_found(lab):
    """SYS-07: no such name at first; the daemon asks again and does not wait for it with anything else."""
    up, _, client = upstream_and_client(lab, {A: {}}, DNS_ADDR)
    names = daemons.Names(up, {})
    daemons.ntpd(client, "server late.example iburst\n")
    daemons.wait_answers(client)
    wait_until(lambda: "late.example" in names.process.log(), 5, "the name is asked for")
    names.set("late.example", A)
    reply = daemons.wait_synchronised(client, timeout=60)
    assert reply.stratum == 2


def test_silent_dns_holds_nothing_up(lab):
    """Nobody answers at the resolver's address: the server with a number is followed all the same."""
    _, _, client = upstream_and_client(lab, {A: {}})
    daemons.ntpd(client, f"server silent.example iburst\nserver {A} iburst\n")
    assert daemons.wait_answers(client, timeout=3)
    assert daemons.wait_synchronised(client, timeout=20)


def test_hosts_file_is_honoured(lab):
    _, _, client = upstream_and_client(lab, {A: {}})
    client.etc("hosts", f"127.0.0.1 localhost\n{A} inhosts.example\n")
    daemons.ntpd(client, "server inhosts.example iburst\n")
    daemons.wait_synchronised(client)


def test_network_that_is_down_at_boot(lab):
    """No route to DNS or server for the first seconds; then all comes right by itself."""
    up, _, client = upstream_and_client(lab, {A: {}}, DNS_ADDR)
    daemons.Names(up, {"ntp.example": A})
    client.run(["ip", "link", "set", "eth0", "down"])
    daemons.ntpd(client, f"server ntp.example iburst\nserver {A} iburst\n")
    daemons.wait_answers(client)
    with pytest.raises(AssertionError):
        daemons.wait_synchronised(client, timeout=5)
    client.run(["ip", "link", "set", "eth0", "up"])
    daemons.wait_synchronised(client, timeout=60)
    wait_until(lambda: A in daemons.peers(client), 60, "the name is resolved")
