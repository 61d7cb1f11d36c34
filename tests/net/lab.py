# SPDX-License-Identifier: BSD-2-Clause
"""Nodes (network namespaces on one switch) and the processes in them.

Works only under tests/net/isolated.  Every node has its own network, /etc, /run and /var/lib, so that a daemon
finds its files at their usual paths.  All nodes of a lab hang on one bridge and share 192.0.2.0/24 and
2001:db8::/64; labs are apart from each other, so that all may use the same addresses.
"""
import ctypes
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("TRUECHIMER_BUILD", TOP / "build"))
OUTPUT = TOP / "build/tests/net"
PEERS = pathlib.Path(os.environ.get("PEERS_DIR", TOP / "build/peers")) / "root"
CLONE_NEWNET = 0x40000000

numbers = itertools.count()
libc = ctypes.CDLL(None, use_errno=True)


def program(name):
    path = BUILD / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built")
    return str(path)


def timeserver_program():
    """Built by the Makefile; built here when a test is run by hand before that."""
    source, target = HERE / "timeserver.c", OUTPUT / "timeserver"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"timeserver.{os.getpid()}")
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-o", fresh, source, "-lm"], check=True)
        fresh.rename(target)
    return str(target)


def wait_until(condition, timeout, what, interval=0.2):
    """Calls condition until it is true; returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(interval)


def ip(*commands):
    """Runs lines of ip(8) commands."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


class Process:
    """A program running in a node; its output goes to a log file."""

    def __init__(self, node, argv, name, env=None, stdin=subprocess.DEVNULL, may_end=False):
        self.node, self.name, self.may_end = node, name, may_end
        self.log_path = node.dir / f"{name}.log"
        self.started = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(node.command(argv), stdin=stdin, stdout=log, stderr=log,
                                          env=dict(os.environ, **(env or {})), start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def age(self):
        return time.monotonic() - self.started

    def wait(self, timeout):
        return self.popen.wait(timeout)

    def wait_log(self, pattern, timeout=5):
        """Waits until a line of the log matches; returns the match."""
        def look():
            ended = not self.alive()
            match = re.search(pattern, self.log(), re.MULTILINE)
            assert match or not ended, f"{self.name} ended with {self.popen.returncode}: {self.log()}"
            return match
        return wait_until(look, timeout, f"{self.name} logs {pattern!r}; it logged:\n{self.log()}")

    def stop(self, signum=signal.SIGTERM, timeout=5):
        """Ends the process; returns its exit status (a negative one is the signal that killed it)."""
        self.may_end = True
        if self.alive():
            self.popen.send_signal(signum)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise AssertionError(f"{self.name} did not end within {timeout} s of signal {signum}") from None
        return self.popen.returncode


class Node:
    """A network namespace with private /etc, /run and /var/lib."""

    def __init__(self, lab, name, addrs):
        self.lab, self.name = lab, name
        self.dir = lab.dir / name
        self.netns = f"{lab.prefix}-{name}"
        for sub in ("etc", "run", "lib/ntp"):
            (self.dir / sub).mkdir(parents=True, exist_ok=True)
        self._fill_etc()
        ip(f"netns add {self.netns}",
           f"link add eth0 netns {self.netns} type veth peer name {name} netns {lab.switch}")
        subprocess.run(["ip", "-n", lab.switch, "link", "set", "dev", name, "master", "br0", "up"], check=True)
        # A link-local address at once: daemons bind what they find at start.
        subprocess.run(["ip", "netns", "exec", self.netns, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"],
                       check=True)
        subprocess.run(["ip", "-n", self.netns, "-batch", "-"], check=True, text=True, input="\n".join(
            ["link set lo up"] + [self._addr_command(a) for a in addrs] + ["link set eth0 up", ""]))

    @staticmethod
    def _addr_command(addr):
        return f"addr add {addr}/64 dev eth0 nodad" if ":" in addr else f"addr add {addr}/24 dev eth0"

    def _fill_etc(self):
        """The machine's /etc by links (isolated keeps it at /mnt/etc), but names resolved as the test says."""
        for entry in pathlib.Path("/mnt/etc").iterdir():
            (self.dir / "etc" / entry.name).symlink_to(
                os.path.realpath(f"/etc/{entry.name}") if entry.is_symlink() else entry)
        self.etc("hosts", "127.0.0.1 localhost\n::1 localhost\n")
        self.etc("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n")
        self.etc("resolv.conf", f"nameserver {DNS_ADDR}\noptions timeout:1 attempts:2\n")
        (self.dir / "etc/ntp.conf").unlink(missing_ok=True)

    def etc(self, name, text):
        path = self.dir / "etc" / name
        path.unlink(missing_ok=True)
        path.write_text(text)

    def command(self, argv):
        mounts = f'mount --bind {self.dir}/etc /etc && mount --bind {self.dir}/lib /var/lib && ' \
                 f'mount --bind {self.dir}/run /run && exec "$@"'
        return ["ip", "netns", "exec", self.netns, "/bin/sh", "-c", mounts, "sh"] + [str(a) for a in argv]

    def start(self, argv, name, **kwargs):
        process = Process(self, argv, name, **kwargs)
        self.lab.processes.append(process)
        return process

    def run(self, argv, timeout=20, env=None, input=None):
        """Runs a command to its end; output and errors as text."""
        return subprocess.run(self.command(argv), capture_output=True, text=True, timeout=timeout, input=input,
                              env=dict(os.environ, **(env or {})), errors="replace", check=False)

    def socket(self, family=socket.AF_INET, source=None):
        """A UDP socket that lives in this node."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as ours, \
                open(f"/run/netns/{self.netns}", encoding="ascii") as theirs:
            self._setns(theirs)
            try:
                sock = socket.socket(family, socket.SOCK_DGRAM)
            finally:
                self._setns(ours)
        if source is not None:
            sock.bind((source, 0) if isinstance(source, str) else source)
        return sock

    @staticmethod
    def _setns(file):
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def link(self, state):
        """Turns the node's cable "up" or "down" at the switch."""
        subprocess.run(["ip", "-n", self.lab.switch, "link", "set", "dev", self.name, state], check=True)


DNS_ADDR = "192.0.2.53"


class Lab:
    """A switch and its nodes; use as a context manager so that everything ends with the block."""

    def __init__(self, name, output=OUTPUT):
        self.dir = output / re.sub(r"[^\w.-]+", "_", name)
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        self.prefix = f"tc{os.getpid()}n{next(numbers)}"
        self.switch = f"{self.prefix}-switch"
        self.nodes, self.processes = {}, []
        # Without multicast snooping IPv6 neighbours are found at once.
        ip(f"netns add {self.switch}")
        ip(f"link add br0 netns {self.switch} type bridge forward_delay 0 mcast_snooping 0")
        subprocess.run(["ip", "-n", self.switch, "link", "set", "dev", "br0", "up"], check=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        problems = self.close()
        if kind is None and problems:
            raise AssertionError("\n".join(problems))

    def node(self, name, *addrs):
        self.nodes[name] = Node(self, name, addrs)
        return self.nodes[name]

    def close(self):
        """Stops what runs and removes the namespaces; returns sentences on what had ended by itself."""
        problems = []
        for p in reversed(self.processes):
            if not p.may_end and not p.alive():
                problems.append(f"{p.name} ended by itself with status {p.popen.returncode}: {p.log()[-2000:]}")
            try:
                p.stop()
            except AssertionError as e:
                problems.append(str(e))
        for netns in [n.netns for n in self.nodes.values()] + [self.switch]:
            subprocess.run(["ip", "netns", "del", netns], check=False)
        self.processes, self.nodes = [], {}
        return problems
