# SPDX-License-Identifier: BSD-2-Clause
"""The server's interleaved mode (RFC 9769): the time of leaving of the last reply, for those who ask for it."""
import socket
import time

import pytest

import daemons
from lab import wait_until
from ntpwire import Packet, ask, ntp_diff, ntp_time, request

OURS, OURS6, UPSTREAM, CHRONY, OTHER = "192.0.2.1", "2001:db8::1", "192.0.2.10", "192.0.2.21", "192.0.2.22"
CONF = f"server {UPSTREAM} iburst minpoll 3 maxpoll 3\nrestrict default\n"


def start(lab, conf="", **kwargs):
    up = lab.node("up", UPSTREAM)
    daemons.TimeServer(up, {UPSTREAM: {}})
    node = lab.node("server", OURS, OURS6)
    process = daemons.ntpd(node, CONF + conf, **kwargs)
    daemons.wait_synchronised(node)
    return node, process


def interleaved(sock, last, got, host=OURS):
    """A request that names last, which came at got; its reply and when that came."""
    sent = request(origin=last.receive, receive=got)
    sock.sendto(sent.pack(), (host, 123))
    sock.settimeout(2)
    data = sock.recv(200)
    return Packet.unpack(data), sent, ntp_time(time.time_ns())


@pytest.mark.parametrize("line", ["", "workers 3\n"])
@pytest.mark.parametrize("host", [OURS, OURS6])
def test_the_reply_tells_when_the_last_one_left(lab, line, host):
    start(lab, line)
    client = lab.node("client", OTHER, "2001:db8::22")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with client.socket(family) as sock:
        last = ask(sock, host)
        last, sent, got = interleaved(sock, last, ntp_time(time.time_ns()), host)
        assert last.origin == sent.transmit, "the first one to look interleaved is answered in basic mode"
        lags = []
        for _ in range(6):
            time.sleep(0.05)
            reply, sent, now = interleaved(sock, last, got, host)
            assert reply.origin == sent.receive, "not interleaved"
            assert ntp_diff(reply.transmit, last.receive) >= 0, "left before its request came"
            assert ntp_diff(got, reply.transmit) > -0.001, "left after it had come (the two clocks are nearly one)"
            assert ntp_diff(reply.receive, reply.transmit) > 0.04, "not the last reply's"
            lags.append(ntp_diff(reply.transmit, last.receive))
            last, got = reply, now
        assert max(lags) < 0.04


def test_a_pair_is_for_its_client_and_for_once(lab):
    start(lab)
    client = lab.node("client", OTHER, "192.0.2.23")
    with client.socket(source=OTHER) as sock, client.socket(source="192.0.2.23") as thief:
        first = ask(sock, OURS)
        last, _, got = interleaved(sock, first, 12345)
        stolen, sent, _ = interleaved(thief, last, got)
        assert stolen.origin == sent.transmit, "another client's reply is told of"
        reply, sent, _ = interleaved(sock, last, got)
        assert reply.origin == sent.receive
        again, sent, _ = interleaved(sock, last, got)
        assert again.origin == sent.transmit, "told of twice"


def test_others_are_answered_as_always(lab):
    """ntpd's requests carry our transmit time as their origin, an early draft's zero, a replay its own."""
    start(lab)
    client = lab.node("client", OTHER)
    with client.socket() as sock:
        last = ask(sock, OURS)
        for fields in ({"origin": last.transmit, "receive": 77}, {"origin": last.receive, "receive": 0},
                       {"origin": 0, "receive": 77}, {"origin": last.receive, "receive": 5, "transmit": 5}):
            for _ in range(3):
                sent = request(**fields)
                sock.sendto(sent.pack(), (OURS, 123))
                sock.settimeout(2)
                reply = Packet.unpack(sock.recv(200))
                assert reply.origin == sent.transmit
                assert ntp_diff(reply.transmit, reply.receive) >= 0
                if "transmit" not in fields and fields["origin"] == last.transmit:
                    fields["origin"] = reply.transmit


@pytest.mark.parametrize("line", ["", "workers 2\n"])
def test_chronyd_measures_in_interleaved_mode(lab, line):
    start(lab, line)
    node = lab.node("chrony", CHRONY)
    daemons.chronyd(node, f"server {OURS} xleave minpoll 0 maxpoll 0\nport 0\n")

    def fields():
        found = daemons.chronyc(node, "ntpdata", OURS)
        return found[0] if found else None
    wait_until(lambda: fields() and "Yes" in fields()[24:30], 20, "chronyd says Interleaved: Yes")
    data = fields()
    assert abs(float(data[14])) < 0.005, f"an offset of {data[14]} s"
