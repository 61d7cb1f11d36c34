# SPDX-License-Identifier: BSD-2-Clause
"""
A leap second on a real kernel: announced in its last day by the leap file, put in by the kernel, and over.  Both machines are
taken to the eve of 2030 first; nobody warns the server's kernel, so the test sets the server's clock back itself.  Runs last,
as it leaves the server years ahead.
"""

import calendar
import time

import pytest

from conftest import SERVER_A, write_file
from machine import offset, timex

MIDNIGHT = calendar.timegm((2030, 1, 1, 0, 0, 0))
EVE = 45                # s before midnight at which the story begins
UNIX_TO_NTP = 2208988800
STA_INS = 0x10          # linux/timex.h
CLOSE = 0.005           # s
CONF = "driftfile /var/lib/ntp/drift\nserver server iburst minpoll 3 maxpoll 3\nleapfile /run/leap\ntinker panic 0\n"


def ntp(unix):
    return unix + UNIX_TO_NTP


def clock(m):
    return float(m.run("date +%s", check=True).output)


def leap_list():
    rows = [(calendar.timegm((2017, 1, 1, 0, 0, 0)), 37), (MIDNIGHT, 38)]
    return f"#@\t{ntp(MIDNIGHT + 100 * 86400)}\n" + "".join(f"{ntp(at)}\t{tai}\n" for at, tai in rows)


def said(m):
    return m.run("cat /run/leap.log 2>/dev/null").output


@pytest.fixture(scope="module")
def eve(client, machines):
    """Both machines shortly before midnight, ntpd following; how far its clock had been stepped by then."""
    server = machines["server"]
    client.run("killall ntpd 2>/dev/null; rm -f /var/lib/ntp/drift")
    server.run(f"vmclock shift {MIDNIGHT - EVE - clock(server)}", check=True)
    write_file(client, "/etc/ntp.conf", CONF)
    write_file(client, "/run/leap", leap_list())
    client.run("ntpd -n -g -l /run/leap.log -c /etc/ntp.conf -u ntp:ntp >/run/leap.out 2>&1 &", check=True)
    client.wait_until("the kernel is warned", lambda: timex(client)["status"] & STA_INS, EVE - 10)
    return timex(client)["stepped"]


def test_the_kernel_is_warned_and_knows_tai(client, eve):
    assert abs(offset(client, SERVER_A)) < CLOSE, said(client)
    # The kernel takes note of a warning at its next second.
    client.wait_until("TIME_INS", lambda: timex(client)["state"] == 1, 3, pause=0.2)
    state = timex(client)
    assert state["tai"] == 37
    assert clock(client) < MIDNIGHT


def test_the_second_is_put_in_once_and_the_warning_withdrawn(client, machines, eve):
    client.wait_until("midnight", lambda: clock(client) >= MIDNIGHT, EVE + 5, pause=0.3)
    machines["server"].run("vmclock shift -1", check=True)
    client.wait_until("the warning is withdrawn", lambda: not timex(client)["status"] & STA_INS, 10)
    state = timex(client)
    assert state["stepped"] - eve == pytest.approx(-1, abs=0.002)
    assert state["tai"] == 38
    assert "leap second is over" in said(client)


def test_the_clock_is_still_right_and_nobody_has_stepped_it(client, eve):
    time.sleep(20)
    assert abs(offset(client, SERVER_A)) < CLOSE, said(client)
    assert timex(client)["stepped"] - eve == pytest.approx(-1, abs=0.002)
    assert "somebody else" not in said(client)
    assert said(client).count("stepped by") == 1, said(client)
    client.run("killall ntpd", check=True)
