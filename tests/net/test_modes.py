# SPDX-License-Identifier: BSD-2-Clause
"""Symmetric peers, broadcast and manycast: ours among themselves and with Debian's daemons."""
import hashlib
import re
import signal
import struct
import time

import daemons
from lab import wait_until
from ntpwire import MODE_ACTIVE, MODE_PASSIVE, Packet, ask, associations, control, ntp_diff, ntp_time, receive

A, B, UP = "192.0.2.1", "192.0.2.2", "192.0.2.11"
SECRET = "00112233445566778899aabbccddeeff0011"
KEYS = f"2 SHA1 {SECRET}\n"
CHRONY_KEYS = f"2 SHA1 HEX:{SECRET}\n"
FAST = "minpoll 1 maxpoll 2"


def key_file(node, text=KEYS):
    path = node.dir / "keys"
    path.write_text(text)
    path.chmod(0o600)
    return path


def keyed(node, text=KEYS):
    return f"keys {key_file(node, text)}\ntrustedkey 2\n"


def source_of_time(lab, offset=0):
    up = lab.node("up", UP)
    daemons.TimeServer(up, {UP: {"offset": offset} if offset else {}})


def row(node, remote):
    return daemons.try_peers(node).get(remote)


def chrony_source(node, name="chronyd"):
    """Mode, state and reach of chronyd's only source."""
    rows = [r for r in daemons.chronyc(node, "sources", name=name) if len(r) > 5]
    return (rows[0][0], rows[0][1], int(rows[0][5], 8)) if rows else ("", "", 0)


def test_two_of_ours_are_peers(lab):
    """One has the time, the other gets it from its peer; the first hears the second and never follows it."""
    source_of_time(lab)
    a, b = lab.node("a", A), lab.node("b", B)
    daemons.ntpd(a, f"server {UP} iburst\npeer {B} {FAST} key 2\n{keyed(a)}", name="a")
    daemons.ntpd(b, f"peer {A} {FAST} key 2\n{keyed(b)}", name="b")
    daemons.wait_synchronised(b, timeout=30)
    wait_until(lambda: row(a, B) and row(a, B).reach, 15, "a hears b")
    assert row(b, A).type == "s" and row(b, A).tally == "*" and row(b, A).stratum == 2
    assert abs(row(b, A).offset) < 20 and abs(row(a, B).offset) < 20, "ms"
    assert row(a, UP).tally == "*" and row(a, B).tally == " ", "a does not follow who follows a"


def test_a_peer_that_does_not_know_us_is_passive(lab):
    """Signed, our active side makes the other one mobilise; unsigned it does not, and is answered all the same.  Threads make no difference."""
    source_of_time(lab)
    a, b, c = lab.node("a", A), lab.node("b", B), lab.node("c", "192.0.2.3")
    process = daemons.ntpd(a, f"server {UP} iburst\nworkers 2\n{keyed(a)}", name="a")
    daemons.wait_synchronised(a)
    daemons.ntpd(b, f"peer {A} {FAST} key 2\n{keyed(b)}", name="b")
    daemons.ntpd(c, f"peer {A} {FAST}\n", name="c")
    daemons.wait_synchronised(b, timeout=20)
    daemons.wait_synchronised(c, timeout=20)
    process.wait_log(f"{B} is a symmetric passive peer now", 5)
    wait_until(lambda: row(a, B) and row(a, B).reach, 25, "the passive side hears the active one")
    assert row(a, "192.0.2.3") is None


def check_with_chronyd(lab, options, chrony_options, key=""):
    """We have the time and chronyd gets it by peer lines on both sides; returns our node and chronyd's."""
    source_of_time(lab)
    a, b = lab.node("a", A), lab.node("b", B)
    daemons.ntpd(a, f"server {UP} iburst\npeer {B} {FAST} {options} {key}\n{keyed(a)}", name="a")
    daemons.chronyd(b, f"peer {A} minpoll 1 maxpoll 2 {chrony_options} {key}\nkeyfile {key_file(b, CHRONY_KEYS)}\n")
    wait_until(lambda: chrony_source(b)[:2] == ("=", "*"), 40, f"chronyd follows its peer; {daemons.chronyc(b, 'sources')}")
    wait_until(lambda: row(a, B) and row(a, B).reach.bit_count() >= 4, 30, "we hear chronyd")
    return a, b


def test_chronyd_is_our_peer(lab):
    a, b = check_with_chronyd(lab, "", "", "key 2")
    assert daemons.chronyc(b, "authdata")[0][1:3] == ["SK", "2"]
    assert abs(row(a, B).offset) < 50, "ms"


def test_we_follow_a_chronyd_peer(lab):
    """Without keys, and the other way round: chronyd has the time."""
    a, b = lab.node("a", A), lab.node("b", B)
    daemons.chronyd(b, f"local stratum 3\npeer {A} minpoll 1 maxpoll 2\n")
    daemons.ntpd(a, f"peer {B} {FAST}\n", name="a")
    daemons.wait_synchronised(a, timeout=30)
    assert row(a, B).type == "s" and row(a, B).tally == "*" and row(a, B).stratum == 3
    wait_until(lambda: chrony_source(b)[2] & 7 == 7, 20, "chronyd hears us")


def test_interleaved_peers(lab):
    """chronyd says whether its last measurement was made in interleaved mode, and so do we."""
    a, b = check_with_chronyd(lab, "xleave", "xleave")
    wait_until(lambda: [r[26] for r in daemons.chronyc(b, "ntpdata")] == ["Yes"], 15, "interleaved by chronyd")
    assert abs(row(a, B).offset) < 20 and row(a, B).delay < 20, "ms"


def test_an_interleaved_client_of_chronyd(lab):
    """A client that asks for it gets the true transmit times; what chronyd says of us shows that it was asked in that mode."""
    a, b = lab.node("a", A), lab.node("b", B)
    daemons.chronyd(b, "local stratum 3\nallow\n")
    daemons.ntpd(a, f"server {B} iburst xleave {FAST}\n", name="a")
    daemons.wait_synchronised(a, timeout=30)
    wait_until(lambda: int(daemons.chronyc(b, "serverstats")[0][8]) >= 3, 20, f"interleaved; {daemons.chronyc(b, 'serverstats')}")
    wait_until(lambda: row(a, B) and row(a, B).reach & 7 == 7, 15, "answered")
    assert abs(row(a, B).offset) < 20 and row(a, B).delay < 20, "ms"


def test_ntpsec_knows_no_peers(lab):
    """It takes its peer line for a server line, and answers no peers: who has it as one asks it as a server."""
    source_of_time(lab)
    a, b, c = lab.node("a", A), lab.node("b", B), lab.node("c", "192.0.2.3")
    daemons.ntpd(a, f"server {UP} iburst\n", name="a")
    daemons.wait_synchronised(a)
    daemons.ntpsec(b, f"disable ntp\nrestrict 127.0.0.1\nrestrict ::1\npeer {A} minpoll 0 maxpoll 1\n")
    daemons.ntpd(c, f"peer {B} {FAST}\n", name="c")
    wait_until(lambda: row(b, A) and row(b, A).reach & 3 == 3, 30, "ntpsec takes its peer as a server")
    # With its clock left alone it does not claim to know the time, so its answers are of no use, but they are answers.
    answers = lambda: int(re.search(r"received=(\d+)", c.run([daemons.program("ntpq"), "-c", "rv &1 received"]).stdout + "received=0")[1])
    wait_until(lambda: answers() >= 3, 30, "and is asked as one")
    assert row(c, B).type == "u"


def mac(packet):
    return packet + struct.pack("!I", 2) + hashlib.sha1(bytes.fromhex(SECRET) + packet).digest()


def test_forged_reflected_and_replayed_packets_leave_peers_alone(lab):
    """ASSOC-02 and ASSOC-03: in the name of a peer, with bad MAC, no origin, times in the future; sent back, sent again."""
    source_of_time(lab)
    a, b, forger = lab.node("a", A), lab.node("b", B), lab.node("forger", "192.0.2.66")
    daemons.ntpd(a, f"server {UP} iburst\npeer {B} {FAST} key 2\n{keyed(a)}", name="a")
    daemons.ntpd(b, f"peer {A} {FAST} key 2\n{keyed(b)}", name="b")
    daemons.wait_synchronised(b, timeout=30)
    forger.run(["ip", "link", "set", "dev", "eth0", "arp", "off"])
    forger.run(["ip", "addr", "add", f"{A}/24", "dev", "eth0"])
    mac_b = b.run(["cat", "/sys/class/net/eth0/address"]).stdout.strip()
    forger.run(["ip", "neigh", "replace", B, "lladdr", mac_b, "dev", "eth0"])
    now = ntp_time(time.time_ns())
    with forger.socket(source=(A, 123)) as sock:
        for i in range(400):
            packet = Packet(mode=MODE_ACTIVE if i % 2 else MODE_PASSIVE, stratum=1, poll=1, precision=-20, receive=now, transmit=now + (i << 36)).pack()
            for octets in (packet, packet + struct.pack("!I", 2) + bytes(20)):
                sock.sendto(octets, (B, 123))
            time.sleep(0.02)
    assert row(b, A).tally == "*" and row(b, A).reach & 7
    assert abs(row(b, A).offset) < 20, "ms"


def test_strangers_do_not_become_peers(lab):
    """ASSOC-01: unsigned, none; signed, no more than ippeerlimit and maxclock allow; noepeer and nopeer forbid."""
    node, other = lab.node("a", A), lab.node("many", *[f"192.0.2.{i}" for i in range(100, 130)])
    daemons.ntpd(node, f"restrict 192.0.2.112/28 ippeerlimit 2\nrestrict 192.0.2.128/28 noepeer\ntos maxclock 5\n{keyed(node)}", name="a")
    daemons.wait_answers(node)

    def knock(last, sign):
        with other.socket(source=(f"192.0.2.{last}", 123)) as sock:
            packet = Packet(mode=MODE_ACTIVE, poll=6, transmit=ntp_time(time.time_ns())).pack()
            sock.sendto(mac(packet) if sign else packet, (A, 123))
            data, _ = receive(sock, 1.0)
            assert data is not None and Packet.unpack(data).mode == MODE_PASSIVE, "answered without an association"
        with node.socket() as sock:
            return len(associations(sock, "127.0.0.1"))

    assert [knock(i, False) for i in (100, 101, 102)] == [0, 0, 0]
    assert knock(128, True) == 0, "noepeer"
    assert [knock(i, True) for i in (112, 113, 114)] == [1, 2, 2], "ippeerlimit"
    assert [knock(i, True) for i in (105, 106, 107, 108, 109)] == [3, 4, 5, 5, 5], "maxclock"


def test_who_may_not_be_a_peer_gets_the_time_all_the_same(lab):
    """Where nobody has to sign: nopeer and noepeer are answered and make no association, others make one, and epeer takes noepeer back."""
    node, other = lab.node("a", A), lab.node("many", *[f"192.0.2.{i}" for i in range(100, 104)])
    daemons.ntpd(node, "disable auth\nrestrict default\nrestrict 192.0.2.100 nopeer\nrestrict 192.0.2.101 noepeer\n"
                 "restrict 192.0.2.103 noepeer epeer\n", name="a")
    daemons.wait_answers(node)
    for last, associated in ((100, 0), (101, 0), (102, 1), (103, 2)):
        with other.socket(source=(f"192.0.2.{last}", 123)) as sock:
            sock.sendto(Packet(mode=MODE_ACTIVE, poll=6, transmit=ntp_time(time.time_ns())).pack(), (A, 123))
            data, _ = receive(sock, 1.0)
            assert data is not None and Packet.unpack(data).mode == MODE_PASSIVE, last
        with node.socket() as sock:
            assert len(associations(sock, "127.0.0.1") or {}) == associated, last


def broadcast_node(lab, name, addr, *more):
    """A node whose interface has a broadcast address."""
    node = lab.node(name, addr, *more)
    node.run(["ip", "addr", "del", f"{addr}/24", "dev", "eth0"])
    node.run(["ip", "addr", "add", f"{addr}/24", "brd", "192.0.2.255", "dev", "eth0"])
    return node


def broadcaster(lab, conf, *more):
    """Our daemon, synchronised, sending broadcasts, and without a rate limit, which counts all of an IPv6 network together."""
    source_of_time(lab)
    node = broadcast_node(lab, "a", A, *more)
    node.run(["ip", "route", "add", "224.0.0.0/4", "dev", "eth0"])
    daemons.ntpd(node, f"server {UP} iburst\nrestrict default\n{conf}\n{keyed(node)}", name="a")
    daemons.wait_synchronised(node)
    return node


def test_broadcasts_of_ours_are_heard_by_ours(lab):
    """Signed ones; the listener learns the delay by asking, then asks no more and follows the broadcasts alone."""
    a = broadcaster(lab, "broadcast 192.0.2.255 key 2 minpoll 1")
    b, c, d = broadcast_node(lab, "b", B), broadcast_node(lab, "c", "192.0.2.3"), broadcast_node(lab, "d", "192.0.2.4")
    process = daemons.ntpd(b, f"broadcastclient\n{keyed(b)}", name="b")
    daemons.ntpd(c, "broadcastclient\n", name="c")
    daemons.ntpd(d, f"disable auth\n{keyed(d)}", name="d")
    daemons.wait_synchronised(b, timeout=30)
    wait_until(lambda: row(b, A) and row(b, A).type == "b" and row(b, A).reach & 7 == 7, 60, "listens")
    assert row(b, A).tally == "*" and abs(row(b, A).offset) < 20, "ms"
    assert (row(a, "192.0.2.255").type, row(a, "192.0.2.255").refid) == ("B", ".BCST.")
    for node, why in ((c, "without the key nobody is believed"), (d, "without the directive nobody is heard")):
        with node.socket() as sock:
            assert associations(sock, "127.0.0.1") in ({}, None), why
    (b.dir / "b.conf").write_text(keyed(b))
    process.popen.send_signal(signal.SIGHUP)
    process.wait_log("configuration read again", 5)
    assert daemons.try_peers(b) == {}, "nor any longer than it is there"


def test_interleaved_broadcasts_of_ours_are_understood_by_ours(lab):
    """On the wire each names the departure of the one before, as ntpd's do; the listener notices, and measures by that."""
    a = broadcaster(lab, "broadcast 192.0.2.255 key 2 minpoll 1 xleave")
    b, c = broadcast_node(lab, "b", B), broadcast_node(lab, "c", "192.0.2.3")
    daemons.ntpd(b, f"broadcastclient\n{keyed(b)}", name="b")
    with c.socket(source=("192.0.2.255", 123)) as sock:
        heard = [Packet.unpack(receive(sock, 5)[0][:48]) for _ in range(4)]
    for before, after in zip(heard, heard[1:]):
        assert 0 < ntp_diff(after.origin, before.transmit) < 0.1, "s by which it left after its stamp"
    daemons.wait_synchronised(b, timeout=30)
    wait_until(lambda: row(b, A) and row(b, A).type == "b" and row(b, A).reach & 7 == 7, 60, "listens")
    assert row(b, A).tally == "*" and abs(row(b, A).offset) < 20, "ms"
    for node in (a, b):
        shown = node.run([daemons.program("ntpq"), "-c", "rv &%d xleave" % (2 if node is a else 1)]).stdout
        assert 0 < float(re.search(r"xleave=([\d.]+)", shown)[1]) < 100, shown


def test_broadcasts_of_chronyd_to_who_takes_them_unsigned(lab):
    b, a = lab.node("b", B), broadcast_node(lab, "a", A)
    daemons.chronyd(b, "local stratum 3\nallow\nbroadcast 2 192.0.2.255\n")
    daemons.ntpd(a, "broadcastclient\nbroadcastdelay 0.001\ndisable auth\nrestrict default\n", name="a")
    daemons.wait_synchronised(a, timeout=30)
    wait_until(lambda: row(a, B) and row(a, B).type == "b" and row(a, B).reach & 7 == 7, 30, "listens")
    assert abs(row(a, B).offset) < 20 and row(a, B).delay == 2.0, "ms"


def test_multicasts_of_both_families(lab):
    """By the usual groups; with threads, and with a socket for each address, too."""
    a = broadcaster(lab, "broadcast 224.0.1.1 key 2 minpoll 1 ttl 1\nbroadcast ff05::101 key 2 minpoll 1", "2001:db8::1")
    b, c = lab.node("b", B, "2001:db8::2"), lab.node("c", "192.0.2.3", "2001:db8::3")
    daemons.ntpd(b, f"multicastclient\nworkers 2\n{keyed(b)}", name="b")
    daemons.ntpd(c, f"multicastclient ff05::101\ninterface listen eth0\n{keyed(c)}", name="c")
    daemons.wait_synchronised(b, timeout=30)
    wait_until(lambda: sum(r.type == "b" for r in daemons.try_peers(b).values()) == 2, 40, "both groups")
    wait_until(lambda: [r.type for r in daemons.try_peers(c).values()] == ["b"], 30, "one group")
    assert (row(a, "224.0.1.1").refid, row(a, "ff05::101").refid) == (".MCST.", ".MCST.")


def test_manycast_finds_servers(lab):
    """Two of three that answer are found, each once, and are sources from then on; one has no time and says nothing."""
    source_of_time(lab)
    for i, conf in enumerate([f"server {UP} iburst", f"server {UP} iburst", ""]):
        node = lab.node(f"s{i}", f"192.0.2.{21 + i}")
        daemons.ntpd(node, f"{conf}\nrestrict default\nmanycastserver 239.1.1.1\n{keyed(node)}", name=f"s{i}")
        if conf:
            daemons.wait_synchronised(node)
    node = lab.node("a", A)
    node.run(["ip", "route", "add", "224.0.0.0/4", "dev", "eth0"])
    daemons.ntpd(node, f"manycastclient 239.1.1.1 minpoll 2 key 2\n{keyed(node)}", name="a")
    daemons.wait_synchronised(node, timeout=20)
    wait_until(lambda: sorted(r.remote for r in daemons.try_peers(node).values() if r.reach) == ["192.0.2.21", "192.0.2.22"], 15, "both")
    assert (row(node, "239.1.1.1").type, row(node, "239.1.1.1").refid) == ("a", ".ACST.")


def test_the_source_template_follows_each_association(lab):
    """Servers and peers: while an association lives, and only then, the template's entry for it is there."""
    up = lab.node("up", UP, "192.0.2.12")
    daemons.TimeServer(up, {UP: {}, "192.0.2.12": {}})
    node, b = lab.node("a", A), lab.node("b", B)
    conf = f"restrict default\nrestrict source noquery\nserver {UP} iburst\nserver 192.0.2.12 iburst\npeer {B}\n"
    process = daemons.ntpd(node, conf, name="a")
    daemons.wait_synchronised(node)

    def queried():
        found = []
        for other, addr in ((up, UP), (up, "192.0.2.12"), (b, B)):
            with other.socket(source=addr) as sock:
                found.append(control(sock, A, timeout=0.3) is not None)
        return found

    assert queried() == [False, False, False]
    (node.dir / "a.conf").write_text(conf.replace(f"peer {B}\n", "").replace(f"server {UP} iburst\n", ""))
    process.popen.send_signal(signal.SIGHUP)
    process.wait_log("1 sources kept, 0 added, 2 removed", 5)
    assert queried() == [True, False, True]
