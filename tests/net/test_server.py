# SPDX-License-Identifier: BSD-2-Clause
"""What our daemon answers to whom, looked at packet by packet."""
import random
import socket
import struct
import time

import pytest

import daemons
from lab import Lab, program, wait_until
from ntpwire import (MODE_ACTIVE, MODE_CLIENT, MODE_CONTROL, MODE_PASSIVE, MODE_PRIVATE, MODE_SERVER, OP_READSTAT,
                     OP_READVAR, Control, ControlError, Packet, ask, associations, control, exchange, ntp_diff,
                     ntp_time, read_variables, receive, receive_all, request, variables)

pytestmark = pytest.mark.xdist_group("server")

UPSTREAM = "192.0.2.10"
SERVER, SECOND, SERVER6, SECOND6 = "192.0.2.1", "192.0.2.9", "2001:db8::1", "2001:db8::9"
QUIET = 0.3     # seconds of silence that count as no answer

# Each restriction has an address of the asking node to itself.
RESTRICTED = {
    "ignore": "192.0.2.101", "noserve": "192.0.2.102", "noquery": "192.0.2.103", "notrust": "192.0.2.104",
    "version": "192.0.2.105", "limited kod": "192.0.2.106", "limited": "192.0.2.107",
}
RESTRICTED6 = {"ignore": "2001:db8::101", "noquery": "2001:db8::103"}
FREE, FREE6 = "192.0.2.100", "2001:db8::100"
HOLE, AROUND_HOLE = "192.0.2.121", "192.0.2.122"    # an open host in a closed network
NTPPORT = "192.0.2.130"

CONF = "\n".join(
    ["driftfile /var/lib/ntp/drift", f"server {UPSTREAM} iburst", "restrict default"]
    + [f"restrict {addr} {flags}" for flags, addr in RESTRICTED.items()]
    + [f"restrict -6 {addr} {flags}" for flags, addr in RESTRICTED6.items()]
    # The narrower entry comes first in the file: order must not matter.
    + [f"restrict {HOLE}", "restrict 192.0.2.120 mask 255.255.255.248 ignore"]
    + [f"restrict {NTPPORT} ntpport ignore", f"restrict {NTPPORT}"]) + "\n"


class Served:
    """Our daemon, synchronised to one true upstream, and a node with an address for every restriction."""

    def __init__(self, lab):
        up = lab.node("up", UPSTREAM)
        self.upstream = daemons.TimeServer(up, {UPSTREAM: {"refid": "GPS", "rootdelay": 0.010, "rootdisp": 0.020}})
        # One address with a broadcast address, as ifupdown sets it, and one without, as a plain "ip addr add" does.
        self.server = lab.node("server", SERVER, SERVER6, SECOND6)
        self.server.run(["ip", "addr", "add", f"{SECOND}/24", "brd", "+", "dev", "eth0"])
        self.asker = lab.node("asker", FREE, FREE6, HOLE, AROUND_HOLE, NTPPORT, *RESTRICTED.values(),
                              *RESTRICTED6.values())
        self.daemon = daemons.ntpd(self.server, CONF)
        self.ready = daemons.wait_synchronised(self.server)

    def socket(self, source=FREE):
        return self.asker.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, source)

    def alive(self):
        """Whether the server still answers someone it may answer."""
        with self.socket() as sock:
            return self.daemon.alive() and ask(sock, SERVER) is not None


@pytest.fixture(scope="module")
def served():
    with Lab("server") as lab:
        yield Served(lab)


# ---- replies ----

def test_reply_says_what_the_daemon_knows(served):
    with served.socket() as sock:
        before = ntp_time(time.time_ns())
        reply = ask(sock, SERVER, poll=6)
        after = ntp_time(time.time_ns())
    assert (reply.leap, reply.version, reply.mode, reply.stratum) == (0, 4, MODE_SERVER, 2)
    assert reply.refid == bytes(map(int, UPSTREAM.split(".")))
    assert reply.poll == 6
    assert -32 <= reply.precision <= -10
    assert 0.010 <= reply.rootdelay < 0.030, "upstream's 10 ms and a little of our own"
    assert 0.020 <= reply.rootdisp < 1.0
    assert 0 < ntp_diff(after, reply.reftime) < 200
    assert -0.01 < ntp_diff(reply.receive, before) and ntp_diff(after, reply.transmit) > -0.01
    assert ntp_diff(reply.transmit, reply.receive) >= 0


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_each_version_is_answered_in_kind(served, version):
    with served.socket() as sock:
        reply = ask(sock, SERVER, version=version)
    assert (reply.version, reply.mode) == (version, MODE_SERVER)


def test_symmetric_active_gets_a_passive_reply_and_no_association(served):
    with served.socket() as sock:
        known = associations(sock, SERVER)
        reply = ask(sock, SERVER, mode=MODE_ACTIVE)
        assert reply.mode == MODE_PASSIVE and reply.stratum == 2
        assert associations(sock, SERVER).keys() == known.keys()


def test_of_all_first_octets_only_requests_are_answered(served):
    """WIRE-02: mode 3 of versions 1 to 4, mode 1 of the same, and version 1 mode 0, whatever the leap bits."""
    with served.socket() as sock:
        sent = {}
        for first in range(256):
            if first & 7 == MODE_CONTROL:
                continue        # has its own tests below
            stamp = random.getrandbits(64) | 1
            sent[stamp] = first
            data = bytes([first]) + request(transmit=stamp).pack()[1:]
            sock.sendto(data, (SERVER, 123))
            time.sleep(0.001)
        answered = {}
        for data, _ in receive_all(sock, QUIET):
            reply = Packet.unpack(data)
            answered[sent[reply.origin]] = reply
    expected = {first for first in sent.values() if 1 <= first >> 3 & 7 <= 4
                and (first & 7 in (MODE_CLIENT, MODE_ACTIVE) or first & 0x3f == 1 << 3)}
    assert answered.keys() == expected
    for first, reply in answered.items():
        assert reply.version == first >> 3 & 7
        assert reply.mode == (MODE_PASSIVE if first & 7 == MODE_ACTIVE else MODE_SERVER)


def test_no_reply_is_longer_than_its_request(served):
    """Requests of every length up to two kilobytes, with what may look like a MAC or fields behind the header."""
    rng = random.Random(0x5eed)
    answers = 0
    for length in [*range(0, 130), *range(130, 2048, 61)]:
        with served.socket() as sock:
            data = (request().pack() + rng.randbytes(2000))[:length]
            reply, _ = exchange(sock, data, (SERVER, 123), 0.02 if length != 48 else 1)
            if reply is not None:
                answers += 1
                assert len(reply) <= length
                assert length >= 48 and length % 4 == 0, f"a datagram of {length} octets is no request"
    assert answers >= 1
    assert served.alive()


@pytest.mark.parametrize("addr", [SERVER, SECOND, SERVER6, SECOND6])
def test_answer_comes_from_the_address_asked(served, addr):
    with served.socket(FREE6 if ":" in addr else FREE) as sock:
        data, sender = exchange(sock, request().pack(), (addr, 123))
    assert sender == (addr, 123)
    assert Packet.unpack(data).mode == MODE_SERVER


@pytest.mark.parametrize("addr", ["192.0.2.255", "255.255.255.255"])
def test_request_to_a_broadcast_address_is_not_answered(served, addr):
    """SRV-11.  Another listener beside the daemon shows that the network carries broadcasts."""
    with served.socket() as sock, served.server.socket() as listener:
        listener.bind(("0.0.0.0", 9999))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        sock.sendto(b"heard", (addr, 9999))
        assert receive(listener, 1)[0] == b"heard"
        assert exchange(sock, request().pack(), (addr, 123), QUIET)[0] is None


def test_mode_seven_is_never_answered(served):
    with served.socket() as sock:
        for version in range(8):
            for second in (0, 0x2a, 0x80, 0xff):
                for size in (8, 48, 192):
                    head = struct.pack("!BBBB", version << 3 | MODE_PRIVATE, second, 3, 42)
                    sock.sendto(head + bytes(size - 4), (SERVER, 123))
        assert receive_all(sock, QUIET) == []


def test_requests_from_a_reserved_port_are_answered_to_123_only_when_clients(served):
    """SRV-12: a server reply (mode 4) sent to us from port 123 meets silence, a request does not."""
    with served.socket((FREE, 123)) as sock:
        for mode in (MODE_PASSIVE, MODE_SERVER, 5):
            data, _ = exchange(sock, request(mode=mode, stratum=1).pack(), (SERVER, 123), QUIET)
            assert data is None, mode
        assert ask(sock, SERVER).mode == MODE_SERVER


# ---- restrict ----

def test_ignore_silences_time_and_control(served):
    for flags_addr, server in ((RESTRICTED["ignore"], SERVER), (RESTRICTED6["ignore"], SERVER6)):
        with served.socket(flags_addr) as sock:
            assert ask(sock, server, QUIET, tries=2) is None
            assert control(sock, server, timeout=QUIET) is None


def test_noserve_silences_time_but_not_control(served):
    with served.socket(RESTRICTED["noserve"]) as sock:
        assert ask(sock, SERVER, QUIET, tries=2) is None
        assert ask(sock, SERVER, QUIET, tries=2, mode=MODE_ACTIVE) is None
        assert read_variables(sock, SERVER)["stratum"] == "2"


def test_noquery_silences_control_but_not_time(served):
    for flags_addr, server in ((RESTRICTED["noquery"], SERVER), (RESTRICTED6["noquery"], SERVER6)):
        with served.socket(flags_addr) as sock:
            assert control(sock, server, OP_READVAR, timeout=QUIET) is None
            assert control(sock, server, OP_READSTAT, timeout=QUIET) is None
            assert ask(sock, server).stratum == 2


def test_notrust_wants_authentication(served):
    with served.socket(RESTRICTED["notrust"]) as sock:
        assert ask(sock, SERVER, QUIET, tries=2) is None
        assert read_variables(sock, SERVER)["stratum"] == "2"


def test_version_refuses_older_requests(served):
    with served.socket(RESTRICTED["version"]) as sock:
        for version in (1, 2, 3):
            assert ask(sock, SERVER, QUIET, tries=1, version=version) is None
        assert ask(sock, SERVER, version=4).version == 4
        assert read_variables(sock, SERVER)["stratum"] == "2", "control requests of version 2 are not meant"


def burst(sock, count=30, pause=0.01):
    """What comes back for that many requests in quick succession: (plain replies, kisses)."""
    plain, kisses = [], []
    stamps = set()
    for _ in range(count):
        req = request()
        stamps.add(req.transmit)
        sock.sendto(req.pack(), (SERVER, 123))
        time.sleep(pause)
    for data, _ in receive_all(sock, QUIET):
        reply = Packet.unpack(data)
        assert len(data) == 48 and reply.origin in stamps
        (plain if reply.stratum else kisses).append(reply)
    return plain, kisses


# Most answers of thirty within a second: one, and of the others a random quarter (SRV-07); binomial(29, 1/4)
# passes 18 once in a hundred thousand runs.
LIMITED = 19


def test_limited_drops_what_comes_too_fast(served):
    with served.socket(RESTRICTED["limited"]) as sock:
        plain, kisses = burst(sock)
    assert 1 <= len(plain) <= LIMITED and kisses == []


def test_limited_kod_says_so_sparingly(served):
    with served.socket(RESTRICTED["limited kod"]) as sock:
        plain, kisses = burst(sock)
    assert 1 <= len(plain) <= LIMITED
    assert 1 <= len(kisses) <= 2, "kisses are limited themselves"
    for kiss in kisses:
        assert (kiss.leap, kiss.stratum, kiss.refid) == (3, 0, b"RATE")
        assert kiss.mode == MODE_SERVER and kiss.poll >= 3
        assert kiss.receive == kiss.transmit == kiss.origin, "no time to be had from a kiss"


def test_unlimited_address_is_not_limited(served):
    with served.socket() as sock:
        plain, kisses = burst(sock)
    assert len(plain) == 30 and kisses == []


def test_most_specific_entry_wins_in_any_order(served):
    with served.socket(HOLE) as sock:
        assert ask(sock, SERVER) is not None
    with served.socket(AROUND_HOLE) as sock:
        assert ask(sock, SERVER, QUIET, tries=2) is None


def test_ntpport_entry_is_for_port_123_only(served):
    with served.socket((NTPPORT, 123)) as sock:
        assert ask(sock, SERVER, QUIET, tries=2) is None
    with served.socket(NTPPORT) as sock:
        assert ask(sock, SERVER) is not None


# ---- control ----

SYSTEM_DEFAULTS = {"version", "processor", "system", "leap", "stratum", "precision", "rootdelay", "rootdisp", "refid",
                   "reftime", "clock", "peer", "tc", "mintc", "offset", "frequency", "sys_jitter", "clk_jitter",
                   "clk_wander"}


def test_system_variables_are_there(served):
    with served.socket() as sock:
        found = read_variables(sock, SERVER)
        assert SYSTEM_DEFAULTS <= found.keys()
        assert (found["leap"].lstrip("0") or "0", found["stratum"], found["refid"]) == ("0", "2", UPSTREAM)
        assert int(found["peer"]) in associations(sock, SERVER)


def test_peer_variables_are_there(served):
    with served.socket() as sock:
        (assoc, status), = associations(sock, SERVER).items()
        assert status >> 8 & 7 == 6, "system peer"
        assert status & 0x9000 == 0x9000, "configured and reachable"
        found = read_variables(sock, SERVER, assoc)
    assert found["srcadr"] == UPSTREAM and found["stratum"] == "1" and int(found["reach"], 0) & 1
    assert {"srcport", "dstadr", "dstport", "leap", "precision", "rootdelay", "rootdisp", "refid", "reftime", "rec",
            "unreach", "hmode", "pmode", "hpoll", "ppoll", "headway", "flash", "keyid", "offset", "delay", "dispersion",
            "jitter", "filtdelay", "filtoffset", "filtdisp"} <= found.keys()
    assert (found["hmode"], found["pmode"]) == ("3", "4")
    assert abs(float(found["offset"])) < 1


def test_only_the_variables_asked_for_come(served):
    with served.socket() as sock:
        assert read_variables(sock, SERVER, 0, "stratum,leap").keys() == {"stratum", "leap"}


@pytest.mark.parametrize("opcode,assoc,data,code", [
    (OP_READVAR, 0, b"nosuchvariable", 5), (OP_READVAR, 0xfffe, b"", 4), (0, 0, b"", 3), (29, 0, b"", 3)])
def test_control_errors_have_their_codes(served, opcode, assoc, data, code):
    with served.socket() as sock:
        if opcode == OP_READVAR and assoc:
            assert assoc not in associations(sock, SERVER)
        with pytest.raises(ControlError) as caught:
            control(sock, SERVER, opcode, assoc, data)
    assert caught.value.code == code


def test_writing_needs_a_key(served):
    with served.socket() as sock:
        for opcode in (3, 8):
            with pytest.raises(ControlError) as caught:
                control(sock, SERVER, opcode, 0, b"leap=1")
            assert caught.value.code in (1, 3)
        assert ask(sock, SERVER).leap == 0


def test_octets_behind_the_control_data_are_ignored(served):
    """The old C ntpstat sends 576 octets of which it counts none."""
    with served.socket() as sock:
        data, _ = exchange(sock, Control().pack().ljust(576, b"\0"), (SERVER, 123))
    msg = Control.unpack(data)
    assert msg.response and not msg.error and b"stratum=2" in msg.data


def test_control_answers_are_not_answered(served):
    """CTL-02: the response, error and more bits, or an offset, make it no request."""
    with served.socket() as sock:
        for msg in (Control(response=True), Control(error=True), Control(more=True), Control(offset=4)):
            data, _ = exchange(sock, msg.pack(), (SERVER, 123), QUIET)
            assert data is None, msg


def test_first_fragment_holds_what_ntpstat_wants(served):
    with served.socket() as sock:
        data, _ = exchange(sock, Control().pack(), (SERVER, 123))
    text = Control.unpack(data).data
    assert {"stratum", "rootdelay", "rootdisp", "refid", "tc"} <= variables(text).keys()
    assert text.index(b"tc=") < text.index(b"mintc="), "it takes the first tc= that it finds"


# ---- rubbish ----

def test_garbage_does_no_harm(served):
    seed = int(time.time())
    print(f"seed {seed}")
    rng = random.Random(seed)
    with served.socket() as sock:
        known = associations(sock, SERVER).keys()
        for i in range(3000):
            data = rng.randbytes(rng.choice((0, 1, 11, 12, 47, 48, 52, 68, 72, rng.randrange(1500))))
            if i % 3 == 0 and data:         # something more like a control message
                data = bytes([rng.choice((0x16, 0x1e, 0x26)), rng.randrange(256)]) + data[2:]
            sock.sendto(data, (SERVER, 123))
            if i % 50 == 0:
                while receive(sock, 0.01)[0] is not None:
                    pass
        receive_all(sock, QUIET)
        assert associations(sock, SERVER).keys() == known
    assert served.alive()


# ---- before synchronisation ----

@pytest.mark.xdist_group("server_unsynchronised")
def test_unsynchronised_server_says_so(lab):
    """I8: it answers, but claims no time: leap 3 and stratum 0, which a client cannot take for a clock."""
    server, asker = lab.node("server", SERVER), lab.node("asker", FREE)
    daemons.ntpd(server, f"server {UPSTREAM} iburst\nrestrict default\n")
    daemons.wait_answers(server)
    with asker.socket() as sock:
        reply = ask(sock, SERVER)
        assert (reply.leap, reply.stratum, reply.mode) == (3, 0, MODE_SERVER)
        assert reply.refid == b"INIT"
        found = read_variables(sock, SERVER)
        assert found["leap"] in ("3", "11") and found["stratum"] == "16"
    stat = server.run([program("ntpstat")])
    assert stat.returncode == 1 and stat.stdout.startswith("unsynchronised\n"), stat


@pytest.mark.xdist_group("server_interfaces")
def test_dash_capital_i_limits_where_it_listens(lab):
    server, asker = lab.node("server", SERVER, SECOND), lab.node("asker", FREE)
    daemons.ntpd(server, "restrict default\n", "-I", SECOND)
    with asker.socket() as sock:
        wait_until(lambda: ask(sock, SECOND, 0.1, tries=1), 5, "the address named answers")
        assert ask(sock, SERVER, QUIET, tries=2) is None


@pytest.mark.xdist_group("server_interfaces")
def test_addresses_that_come_later_are_served(lab):
    """The address appears while the daemon runs; nothing is told to it."""
    server, asker = lab.node("server", SERVER), lab.node("asker", FREE)
    daemons.ntpd(server, "restrict default\n")
    daemons.wait_answers(server)
    server.run(["ip", "addr", "add", f"{SECOND}/24", "dev", "eth0"])
    with asker.socket() as sock:
        data, sender = wait_until(lambda: found if (found := exchange(sock, request().pack(), (SECOND, 123), 0.2))[0]
                                  else None, 10, "the new address answers")
    assert sender == (SECOND, 123)


@pytest.mark.xdist_group("server_interfaces")
@pytest.mark.parametrize("lines", ["", "workers 2\n", f"interface listen {SERVER}\n"], ids=["wildcard", "two-workers", "one-address"])
def test_extra_port_is_served_beside_123(lab, lines):
    """Requests and questions; the answer leaves by the port that was asked.  A reload moves it, or takes it away, and 123 does not notice."""
    server, asker = lab.node("server", SERVER, "2001:db8::1"), lab.node("asker", FREE)
    conf = f"restrict default\n{lines}"
    process = daemons.ntpd(server, conf + "extra port 1123\n", name="ntpd")
    daemons.wait_answers(server, SERVER)

    def asked(port, host=SERVER):
        with asker.socket() as sock:
            return exchange(sock, request().pack(), (host, port), QUIET)

    data, sender = asked(1123)
    assert sender == (SERVER, 1123) and len(data) == 48
    assert asked(123)[1] == (SERVER, 123)
    with asker.socket() as sock:
        sock.sendto(Control().pack(), (SERVER, 1123))
        assert receive(sock, QUIET)[1] == (SERVER, 1123)
    for text, served in (("extra port 2123\n", {2123}), ("extra port 123\n", set()), ("", set()), ("extra port 1123\n", {1123})):
        seen = process.log().count("configuration read again")
        (server.dir / "ntpd.conf").write_text(conf + text)
        process.popen.send_signal(1)
        wait_until(lambda: process.log().count("configuration read again") > seen, 5, "read again")
        assert {port for port in (1123, 2123) if asked(port)[0] is not None} == served
        assert asked(123)[1] == (SERVER, 123)
    assert process.log().count("'extra port 123' has no effect") == 1
