# SPDX-License-Identifier: BSD-2-Clause
"""How to start each daemon and ask each tool: ours, Debian's chrony and ntpsec, dnsmasq, the test time server."""
import dataclasses
import os
import pathlib
import re
import subprocess

import hostclock
from lab import DNS_ADDR, PEERS, TOP, program, timeserver_program, wait_until
from ntpwire import ask, measure

LIBRARIES = next(PEERS.glob("usr/lib/*-linux-gnu*"), PEERS)
PEER_ENV = {
    "LD_LIBRARY_PATH": f"{LIBRARIES}:{PEERS}/lib/{LIBRARIES.name}",
    "PYTHONPATH": f"{PEERS}/usr/lib/python3/dist-packages",
}


# ---- ours ----

def ntpd(node, conf=None, *args, name="ntpd", software_clock=True, trace=False, **kwargs):
    """Starts our daemon in the foreground.  Without conf it reads the node's /etc/ntp.conf.

    With trace, clock_attempts() tells which calls it made that can change a clock.
    """
    argv = [program("ntpd"), "-n", "-l", "stderr", "-p", "/run/ntpd.pid"]
    if software_clock:
        argv.append("--software-clock")
    if conf is not None:
        path = node.dir / f"{name}.conf"
        path.write_text(conf)
        argv += ["-c", path]
    argv += args
    if trace:
        argv = hostclock.traced(argv, node.dir / "clock.trace")
        # A sanitizer looks for leaks as a debugger, and there can be only one.
        kwargs["env"] = {"ASAN_OPTIONS": "detect_leaks=0", **(kwargs.get("env") or {})}
    return node.start(argv, name, **kwargs)


def clock_attempts(node):
    """The calls by which a daemon started with trace tried to change a clock."""
    return hostclock.attempts((node.dir / "clock.trace").read_text())


def wait_answers(node, host="127.0.0.1", timeout=5):
    """Waits until something answers time requests on host as seen from node; returns a reply."""
    with node.socket() as sock:
        return wait_until(lambda: ask(sock, host, timeout=0.1, tries=1), timeout, f"{host} answers")


def wait_synchronised(node, host="127.0.0.1", timeout=40):
    """Waits until host says that it is synchronised; returns that reply."""
    last = []

    def look():
        with node.socket() as sock:
            reply = ask(sock, host, timeout=0.2, tries=1)
        last[:] = [reply]
        return reply if reply and reply.leap != 3 and 0 < reply.stratum < 16 else None
    try:
        return wait_until(look, timeout, f"{host} is synchronised")
    except AssertionError as e:
        raise AssertionError(f"{e}; last reply {last[0]}") from None


def offset_of(node, host, count=8):
    """Seconds by which host's clock is ahead of the machine's, as seen from node."""
    with node.socket() as sock:
        return measure(sock, host, count)[0]


class Observer:
    """A node that asks from another of its addresses each time, so that no rate limit meets it twice."""

    def __init__(self, lab, name="observer"):
        self.addrs = [f"192.0.2.{i}" for i in range(130, 250)]
        self.node = lab.node(name, *self.addrs)

    def socket(self):
        self.addrs.append(self.addrs.pop(0))
        return self.node.socket(source=self.addrs[-1])

    def ask(self, host, **fields):
        with self.socket() as sock:
            return ask(sock, host, tries=1, **fields)

    def offset(self, host, count=4):
        """Seconds by which host's clock is ahead of the machine's, by the quickest of count exchanges."""
        found = []
        for _ in range(count):
            with self.socket() as sock:
                found.append(measure(sock, host, 1, pause=0))
        return min(found, key=lambda pair: pair[1])[0]


# ---- listings ----

@dataclasses.dataclass
class Row:
    """A line of ntpq's peers listing; times in ms."""
    tally: str
    remote: str
    refid: str
    stratum: int
    type: str
    when: str
    poll: str
    reach: int
    delay: float
    offset: float
    jitter: float


def parse_peers(text):
    """Rows of ntpq -p; refuses a listing whose head or rows are not ntpq's."""
    lines = text.splitlines()
    assert len(lines) >= 2 and lines[0].split() == \
        "remote refid st t when poll reach delay offset jitter".split(), f"no peers listing: {text!r}"
    assert re.fullmatch("=+", lines[1]), f"no rule under the head: {text!r}"
    rows = []
    for line in lines[2:]:
        if not line.strip():
            continue
        words = line[1:].split()
        assert len(words) == 10, f"row of {len(words)} words: {line!r}"
        remote, refid, st, kind, when, poll, reach, *times = words
        rows.append(Row(line[0], remote, refid, int(st), kind, when, poll, int(reach, 8), *map(float, times)))
    return rows


def peers(node, *args):
    """Our ntpq -pn (of the given host, by default the local one), as rows by remote."""
    result = node.run([program("ntpq"), "-pn", *args])
    assert result.returncode == 0, result.stderr
    return {row.remote: row for row in parse_peers(result.stdout)}


def try_peers(node, *args):
    """As peers, but {} as long as there is no listing."""
    result = node.run([program("ntpq"), "-pn", *args])
    try:
        return {row.remote: row for row in parse_peers(result.stdout)}
    except AssertionError:
        return {}


# ---- names ----

class Names:
    """dnsmasq with names that may change while it runs."""

    def __init__(self, node, names):
        self.file = node.dir / "names"
        self.names = dict(names)
        self._write()
        self.process = node.start(
            ["dnsmasq", "-k", "--conf-file=/dev/null", "--user=root", "--group=root", "--pid-file=/run/dnsmasq.pid",
             "--no-resolv", "--no-hosts", f"--addn-hosts={self.file}", "--local=/#/", "--local-ttl=1",
             f"--listen-address={DNS_ADDR}", "--bind-interfaces", "--log-queries", "--log-facility=-"], "dnsmasq")
        self.process.wait_log("started")

    def _write(self):
        lines = []
        for name, addrs in self.names.items():
            lines += [f"{a} {name}" for a in ([addrs] if isinstance(addrs, str) else addrs)]
        fresh = self.file.with_name("names.new")
        fresh.write_text("".join(line + "\n" for line in lines))
        fresh.rename(self.file)

    def set(self, name, addrs):
        """Gives a name other addresses, or none."""
        self.names[name] = addrs
        self._write()
        self.process.popen.send_signal(1)  # SIGHUP: dnsmasq reads its hosts again


# ---- the test time server ----

class TimeServer:
    """timeserver.c; servers is {address: {setting: value}}."""

    def __init__(self, node, servers, name="timeserver"):
        argv = [timeserver_program(), "--log"]
        for addr, settings in servers.items():
            argv += ["--serve", self._text(addr, settings)]
        self.process = node.start(argv, name, stdin=subprocess.PIPE)
        self.process.wait_log("^ready$")

    @staticmethod
    def _text(addr, settings):
        return ",".join([addr] + [f"{k}={v}" for k, v in settings.items()])

    def set(self, addr, **settings):
        """Changes settings of an address and waits until that is done."""
        before = len(re.findall("^changed$", self.process.log(), re.MULTILINE))
        self.process.popen.stdin.write(self._text(addr, settings).encode() + b"\n")
        self.process.popen.stdin.flush()
        wait_until(lambda: len(re.findall("^changed$", self.process.log(), re.MULTILINE)) > before, 2,
                   "timeserver takes a setting", interval=0.02)

    def requests(self, addr=None):
        """What was asked so far: dicts with time, to, from, port, len and header (bytes)."""
        found = []
        for line in self.process.log().splitlines(keepends=True):
            if line.startswith("request ") and line.endswith("\n"):
                words = dict(word.split("=", 1) for word in line.split()[1:])
                words.update(time=float(words["time"]), port=int(words["port"]), len=int(words["len"]),
                             header=bytes.fromhex(words["header"]))
                if addr is None or words["to"] == addr:
                    found.append(words)
        return found

    def stop(self):
        return self.process.stop()


# ---- Debian's daemons; none of them can or may set a clock ----

def chronyd(node, conf, name="chronyd"):
    path = node.dir / f"{name}.conf"
    (node.dir / "run/chrony").mkdir(mode=0o750, exist_ok=True)  # it wants a directory for its socket alone
    path.write_text(conf + f"\npidfile /run/{name}.pid\nbindcmdaddress /run/chrony/{name}.sock\ncmdport 0\n")
    return node.start([PEERS / "usr/sbin/chronyd", "-x", "-d", "-u", "root", "-f", path], name, env=PEER_ENV)


def chronyc(node, *command, name="chronyd"):
    """Fields of chronyc's CSV output, one list per line."""
    result = node.run([PEERS / "usr/bin/chronyc", "-c", "-n", "-h", f"/run/chrony/{name}.sock", *command], env=PEER_ENV)
    return [line.split(",") for line in result.stdout.splitlines()]


def ntpsec(node, conf, name="ntpsec"):
    path = node.dir / f"{name}.conf"
    path.write_text(conf)
    return node.start([PEERS / "usr/sbin/ntpd", "-n", "-c", path, "-l", "/dev/stderr", "-p", f"/run/{name}.pid"],
                      name, env=PEER_ENV)


def ntpsec_ntpq(node, *args, **kwargs):
    return node.run(["/usr/bin/python3", "-B", PEERS / "usr/bin/ntpq", *args], env=PEER_ENV, **kwargs)


def debian_ntpstat(node):
    return node.run([PEERS / "usr/bin/ntpstat"])


def conf_dir():
    """Where the configuration files that we ship are."""
    return pathlib.Path(os.environ.get("TRUECHIMER_CONF", TOP / "conf"))
