# SPDX-License-Identifier: BSD-2-Clause
"""
A receiver on an emulated serial port, and its pulse on DCD: the kernel's driver of the port reads the one and stamps the other (pps_ldisc), which the
tests in namespaces cannot show.  The receiver tells the time of this machine; the tests build on each other.
"""

import os
import pty
import subprocess
import threading
import time

import pytest

import machine
import prepare
from conftest import HOUR, write_file

PULSE_LATE = 0.015      # s: the emulator looks for the pulse every 10 ms, and a busy host lets it wait
CONF = """refclock generic subtype 2 path /dev/pulse prefer minpoll 2
refclock pps minpoll 2
driftfile /var/lib/ntp/drift
"""


class Receiver(threading.Thread):
    """Sends Meinberg's standard string as each second of this machine begins, until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.master, self.slave = pty.openpty()
        self.name = os.ttyname(self.slave)
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(1 - time.time() % 1):
            text = time.strftime("\x02D:%d.%m.%y;T:%u;U:%H.%M.%S;  U \x03", time.gmtime(time.time() + 0.5))
            os.write(self.master, text.encode())

    def stop(self):
        self.over.set()
        self.join()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture(scope="module")
def pulsed(kernel, workspace):
    """A bare machine whose clock is an hour slow, with a receiver at /dev/pulse; ntpd is not running."""
    library = workspace / "dcd.so"
    subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library,
                    prepare.HERE / "dcd.c"], check=True)
    receiver = Receiver()
    m = machine.Machine("pulsed", kernel, prepare.OUT / "client.initrd", workspace, [], clock_error=-HOUR, port=receiver.name, preload=library)
    try:
        m.wait_booted()
        receiver.start()
        yield m
    finally:
        m.stop()
        if receiver.is_alive():
            receiver.stop()


def peers(m):
    """{name: (tally, offset in ms)} of what has been heard."""
    rows = [line for line in m.run("NO_COLOR=1 ntpq -np").output.splitlines() if "(" in line]
    return {row[1:].split()[0]: (row[0], float(row.split()[8])) for row in rows}


def test_the_kernel_stamps_the_pulse(pulsed):
    pulsed.run("insmod /vm/modules/pps-ldisc.ko", check=True)
    # The port that is neither the console nor the agent's.
    name = pulsed.run("for t in /sys/class/tty/ttyS*; do [ $(cat $t/type) != 0 ] && echo ${t##*/}; done | tail -n 1", check=True).output
    assert name not in ("ttyS0", "ttyS1")
    pulsed.run(f"ln -s /dev/{name} /dev/pulse && (vmclock pulse /dev/pulse >/run/pulse.log 2>&1 &)", check=True)
    pulsed.wait_until("a pulse", lambda: pulsed.run("cat /sys/class/pps/pps0/assert").output, 10)
    first = int(pulsed.run("cat /sys/class/pps/pps0/assert", check=True).output.split("#")[1])
    time.sleep(3)
    assert int(pulsed.run("cat /sys/class/pps/pps0/assert", check=True).output.split("#")[1]) - first in (2, 3, 4)


def test_the_clock_is_set_by_the_receiver_and_the_pulse(pulsed):
    write_file(pulsed, "/etc/ntp.conf", CONF)
    pulsed.run("ntpd -n -g --sandbox -l /run/ntpd.log -c /etc/ntp.conf -u ntp:ntp >>/run/ntpd.log 2>&1 &", check=True)
    try:
        pulsed.wait_until("the pulse is followed", lambda: peers(pulsed).get("PPS(0)", " ")[0] == "o", 60)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{pulsed.run('ntpq -np; cat /run/ntpd.log').output}") from late
    assert peers(pulsed)["GENERIC(0)"][0] == "*"
    assert abs(peers(pulsed)["PPS(0)"][1]) < 1000 * PULSE_LATE
    assert "atomic clock" in pulsed.run("ntpstat").output
    before = time.time()
    inside = machine.timex(pulsed)["now"]
    # An hour is made good, to what the telegrams and a question to the machine allow.
    assert before - 0.1 < inside < time.time() + 0.1
