# SPDX-License-Identifier: BSD-2-Clause
"""An enemy on the wire who knows the protocols and has no key."""
import re
import subprocess
import time

import daemons
from lab import TOP
from ntpwire import MODE_ACTIVE, MODE_PASSIVE, Packet, associations, ntp_time, receive
from test_modes import keyed, mac

OURS = "192.0.2.1"


def test_a_daemon_with_everything_on_outlives_an_enemy_who_sees_all_traffic():
    """See tests/security/probe, which may go on for longer by hand: alive, right, unswollen, quiet, and answering a good client all along."""
    result = subprocess.run([TOP / "tests/security/probe", "8", "--seed", "20261"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^[1-9][0-9]{3,} packets and [1-9][0-9]* lies in 8 s", result.stdout, re.MULTILINE), result.stdout


def test_sources_that_packets_bring_about_are_not_talked_about_one_by_one(lab):
    """Whoever replays a signed packet in other names makes associations, as far as maxclock allows, and few lines (I6)."""
    addrs = [f"192.0.2.{i}" for i in range(100, 124)]
    node, other = lab.node("a", OURS), lab.node("many", *addrs)
    daemon = daemons.ntpd(node, f"tos maxclock 20\nrestrict default\n{keyed(node)}", name="a")
    daemons.wait_answers(node)
    lines = len(daemon.log().splitlines())
    packet = mac(Packet(mode=MODE_ACTIVE, poll=6, transmit=ntp_time(time.time_ns())).pack())
    for source in addrs:
        with other.socket(source=(source, 123)) as sock:
            sock.sendto(packet, (OURS, 123))
            data, _ = receive(sock, 1.0)
            assert data is not None and Packet.unpack(data).mode == MODE_PASSIVE
    with node.socket() as sock:
        assert len(associations(sock, "127.0.0.1")) == 20
    assert 1 <= len(daemon.log().splitlines()) - lines <= 6, daemon.log()
