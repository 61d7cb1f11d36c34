# SPDX-License-Identifier: BSD-2-Clause
"""One emulated machine: starts QEMU, runs shell commands inside, pulls its network cable, ends it."""

import hashlib
import json
import os
import re
import select
import socket
import statistics
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import prepare

BOOT_LIMIT = 90  # seconds; a quiet machine needs 3 (bare) to 15 (systemd)


class MachineError(Exception):
    """The machine did not do what every machine must; carries the end of its console."""


class Result:
    """What a command in the machine printed, and its exit status."""

    def __init__(self, command, status, output):
        self.command, self.status, self.output = command, status, output

    def __repr__(self):
        return f"{self.command!r} -> status {self.status}:\n{self.output}"


class Machine:
    """
    cables: (our socket, the other end's socket) for eth0, eth1, in order; datagrams between Unix sockets, so that
    nothing of it is on this machine's network and nothing collides when tests run twice at a time.
    clock_error: seconds to be added to the true time in the machine's battery-backed clock.
    port: a terminal of this machine that is one more serial port in that one; preload: a library loaded before the emulator.

    Clocks: no KVM, so the TSC would be the emulator's and the guest's idea of its frequency a calibration that
    is off by hundreds of ppm on a busy host.  The HPET counts the emulator's virtual clock, which is this host's
    CLOCK_MONOTONIC: its nominal frequency is exact, reading it is atomic, and two machines tick alike until a test
    gives one of them a frequency error on purpose.  -icount would make time depend on instructions executed.
    """

    def __init__(self, name, kernel, initrd, directory, cables, memory=256, clock_error=0.0, addresses=(), init=None, port=None,
                 preload=None):
        self.name = name
        self.log = Path(directory) / f"{name}.console"
        self.agent_path = str(Path(directory) / f"{name}.agent")
        self.qmp_path = str(Path(directory) / f"{name}.qmp")
        self.agent = self.qmp = None
        self.buffer = b""
        self.count = 0
        rtc = datetime.now(timezone.utc) + timedelta(seconds=clock_error)
        append = "console=ttyS0 clocksource=hpet tsc=unstable panic=-1 truechimer.vm quiet"
        if addresses:
            append += f" vm.addr={','.join(addresses)}"
        if init:
            append += f" vm.init={init} systemd.unified_cgroup_hierarchy=1 systemd.log_target=journal"
        # Dies with the test, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-machine", "pc,accel=tcg,hpet=on", "-cpu", "max", "-smp", "1",
                   "-m", str(memory), "-nodefaults", "-display", "none", "-no-reboot",
                   "-kernel", str(kernel), "-initrd", str(initrd), "-append", append,
                   "-rtc", f"base={rtc:%Y-%m-%dT%H:%M:%S},clock=host",
                   "-serial", f"file:{self.log}",
                   "-serial", f"unix:{self.agent_path},server=on,wait=off",
                   "-qmp", f"unix:{self.qmp_path},server=on,wait=off"]
        for i, (ours, theirs) in enumerate(cables):
            # Locally administered, and different on each end: QEMU numbers from the same start in every machine.
            mac = "52:54:00:" + ":".join(f"{b:02x}" for b in hashlib.sha256(ours.encode()).digest()[:3])
            command += ["-netdev", f"dgram,id=net{i},local.type=unix,local.path={ours},"
                        f"remote.type=unix,remote.path={theirs}",
                        "-device", f"virtio-net-pci,id=card{i},netdev=net{i},mac={mac},romfile="]
        if port:
            command += ["-chardev", f"serial,id=port,path={port}", "-device", "pci-serial,chardev=port"]
        self.errors = Path(directory) / f"{name}.qemu"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                            env={**os.environ, "LD_PRELOAD": str(preload)} if preload else None)

    # Life

    def wait_booted(self):
        """Until the agent inside has answered once."""
        deadline = time.monotonic() + BOOT_LIMIT
        self.agent = self._connect(self.agent_path, deadline)
        while True:
            # The greeting is lost when the agent was up before we connected: ask until it answers.
            try:
                self.run("true", timeout=2)
                return self
            except MachineError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise

    def stop(self):
        """Powers the machine off; whatever is left after a moment is killed.  Always leaves no process."""
        try:
            if self.process.poll() is None and self.agent is not None:
                self.agent.sendall(b"0 /vm/busybox poweroff -f\n")
                self.process.wait(timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            for connection in (self.agent, self.qmp):
                if connection is not None:
                    connection.close()

    # Talk

    def run(self, command, timeout=20, check=False):
        """Runs one line of shell inside; its output and status, or MachineError when it takes longer."""
        self.count += 1
        self.agent.sendall(f"{self.count} {command}\n".encode())
        end = re.compile(rb"(?s)(.*?)\n?@@%d (\d+)\r?\n" % self.count)
        deadline = time.monotonic() + timeout
        while True:
            found = end.search(self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                break
            self._read(command, deadline)
        output = re.sub(rb"(?s).*@@\S+ \d+\r?\n", b"", found.group(1)).decode(errors="replace").strip()
        result = Result(command, int(found.group(2)), output)
        if check and result.status != 0:
            raise MachineError(f"{self.name}: {result}\n{self.tail()}")
        return result

    def ask(self, command, timeout=20):
        """A command that prints JSON, as a Python value."""
        return json.loads(self.run(command, timeout, check=True).output)

    def wait_until(self, what, test, limit, pause=1.0):
        """Calls TEST until it is true; fails with the sentence WHAT and the last value after LIMIT seconds."""
        start = time.monotonic()
        while True:
            value = test()
            if value:
                return value
            if time.monotonic() - start > limit:
                raise AssertionError(f"{self.name}: not within {limit} s: {what} (last: {value!r})")
            time.sleep(pause)

    def cable(self, number, plugged):
        """Plugs or unplugs card NUMBER: the guest sees carrier come or go."""
        if self.qmp is None:
            self.qmp = self._connect(self.qmp_path, time.monotonic() + 5)
            self._monitor("qmp_capabilities", {})
        self._monitor("set_link", {"name": f"card{number}", "up": plugged})

    def wake(self):
        """Ends the guest's sleep (echo mem >/sys/power/state).  Its serial port may lose what comes first."""
        if self.qmp is None:
            self.qmp = self._connect(self.qmp_path, time.monotonic() + 5)
            self._monitor("qmp_capabilities", {})
        self._monitor("system_wakeup", {})
        for _ in range(10):
            try:
                return self.run("true", timeout=3)
            except MachineError:
                pass
        return self.run("true", timeout=3)

    def tail(self):
        """The end of what console and emulator said."""
        texts = [p.read_text(errors="replace")[-2000:] for p in (self.errors, self.log) if p.exists()]
        return f"--- {self.name}: console ---\n" + "\n".join(texts)

    # Inner workings

    def _connect(self, path, deadline):
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(path)
                return connection
            except OSError as problem:
                connection.close()
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise MachineError(f"{self.name}: {problem}: {path}\n{self.tail()}") from problem
                time.sleep(0.1)

    def _read(self, command, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.agent], [], [], left)[0]:
            raise MachineError(f"{self.name}: no end of {command!r}; so far:\n"
                               f"{self.buffer.decode(errors='replace')}\n{self.tail()}")
        data = self.agent.recv(65536)
        if not data:
            raise MachineError(f"{self.name}: machine ended during {command!r}\n{self.tail()}")
        self.buffer += data

    def _monitor(self, command, arguments):
        self.qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.qmp.settimeout(5)
        text = b""
        while b'"return"' not in text:
            text += self.qmp.recv(4096)
            if b'"error"' in text:
                raise MachineError(f"{self.name}: {command}: {text.decode()}")


def offset(m, server):
    """Seconds by which SERVER (an address) is ahead of M, as M's own tool and not its daemon sees it."""
    return m.ask(f"vmclock offset {server}")["offset"]


def timex(m):
    """State of M's kernel clock: dict of vmclock timex."""
    return m.ask("vmclock timex")


def gain_ppm(m, looks=9):
    """What M's kernel clock is told to gain: the median of some seconds, because slews come and go on the way."""
    seen = []
    for _ in range(looks):
        state = timex(m)
        # One microsecond more than the nominal 10000 per tick is 100 ppm.
        seen.append(state["freq_ppm"] + (state["tick"] - 10000) * 100)
        time.sleep(1)
    return statistics.median(seen)


def socket_pair(directory, name):
    """Two names for the ends of one cable."""
    a, b = (os.path.join(str(directory), f"{name}.{end}") for end in "ab")
    if len(a) > 100:
        raise prepare.PrepareError(f"{a}: too long for a Unix socket")
    return a, b
