#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes the initial RAM disks that the emulated machines boot from, under build/vm.

Fetched or slow things (packages, the Debian system) are kept and made again only when what they are made from
changes; what is ours is packed anew each time, as one more archive at the end of the RAM disk: the kernel unpacks
one after the other.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "build" / "vm"

PROGRAMS = {  # program: Debian package
    "qemu-system-x86_64": "qemu-system-x86", "debootstrap": "debootstrap", "busybox": "busybox-static",
    "cpio": "cpio", "zstd": "zstd", "gcc": "gcc", "make": "make",
}
MODULES = ["virtio/virtio", "virtio/virtio_ring", "virtio/virtio_pci_legacy_dev", "virtio/virtio_pci_modern_dev",
           "virtio/virtio_pci", "net/net_failover", "net/virtio_net", "pps/clients/pps-ldisc"]

# What the Debian system of the systemd test has besides the minimal base: systemd itself and the libraries that
# our programs are linked with.
PACKAGES = ["systemd", "systemd-sysv", "dbus", "iproute2", "procps", "libevent-2.1-7", "libssl3", "libcap2",
            "libseccomp2", "libedit2"]
# Not needed to run, and memory in the machine: the whole system lives in RAM.
BALLAST = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/i18n",
           "usr/share/perl", "usr/share/zoneinfo", "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/gconv",
           "usr/lib/udev", "var/cache/apt", "var/lib/apt/lists", "var/lib/dpkg/info", "var/log",
           "usr/share/bash-completion", "usr/share/zsh"]
# Units that wait for devices that never appear (no udev), or do slow work of no use to a machine that lives a minute.
MASKED = ["serial-getty@ttyS0.service", "console-getty.service", "getty@tty1.service", "ldconfig.service",
          "systemd-journal-catalog-update.service", "systemd-journal-flush.service", "apt-daily.timer",
          "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
          "fstrim.timer", "systemd-firstboot.service", "systemd-update-done.service"]
# Loaded while running and so unknown to ldd: the C library wants it to end a thread.
LOADED_LATER = ["/lib/x86_64-linux-gnu/libgcc_s.so.1"]
HOSTS = "127.0.0.1 localhost\n10.9.1.1 server server-a\n10.9.2.1 server-b\n"


class PrepareError(Exception):
    """What is missing, in a sentence for whoever runs the test."""


def run(*command, **options):
    """Runs to the end, quietly; what it said is shown only when it fails."""
    words = [str(w) for w in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise PrepareError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def say(what):
    print(f"vm: {what}", file=sys.stderr, flush=True)


def up_to_date(made, recipe):
    """Whether MADE exists and was made by this recipe; remember() records it."""
    stamp = made.with_name(made.name + ".recipe")
    return made.exists() and stamp.exists() and stamp.read_text() == recipe


def remember(made, recipe):
    made.with_name(made.name + ".recipe").write_text(recipe)


def pack(tree, archive, owner="0:0"):
    """TREE as a compressed newc archive; OWNER None keeps the files' own owners."""
    temporary = archive.with_name(archive.name + ".new")
    ownership = f"-R +{owner.replace(':', ':+')}" if owner else ""
    # Level 1: the machine unpacks faster than the host saves by packing harder.
    run("sh", "-c", f"find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet {ownership} "
        f"| zstd -q -1 -T2 -f -o '{temporary}'", cwd=tree)
    temporary.rename(archive)


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def check_host():
    if os.uname().machine != "x86_64":
        raise PrepareError("the emulated machines are x86-64 and so must be the programs that are built here")
    if os.geteuid() != 0:
        raise PrepareError("debootstrap needs root: sudo make vmtest")
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if missing:
        raise PrepareError(f"apt-get install {' '.join(missing)}")


# Packages

def download(package):
    """The .deb of PACKAGE, fetched once; apt's lists are refreshed only when they do not lead to it."""
    debs = OUT / "debs"
    debs.mkdir(parents=True, exist_ok=True)

    def have():
        return sorted(debs.glob(f"{package}_*.deb"))

    if not have():
        say(f"fetching {package}")
        fetch = ["apt-get", "-o", "APT::Sandbox::User=root", "download", package]
        try:
            run(*fetch, cwd=debs)
        except PrepareError:
            run("apt-get", "update")
            run(*fetch, cwd=debs)
    return have()[-1]


def kernel_package():
    """Name of the newest cloud kernel's package; the one already fetched will do."""
    got = sorted((OUT / "debs").glob("linux-image-*-cloud-amd64_*.deb"))
    if got:
        return got[-1].name.split("_")[0]
    for _ in range(2):
        found = re.search(r"Depends: (linux-image-\S+-cloud-amd64)",
                          run("sh", "-c", "apt-cache depends linux-image-cloud-amd64 2>&1 || true"))
        if found:
            return found.group(1)
        run("apt-get", "update")
    raise PrepareError("apt knows no package linux-image-cloud-amd64")


def unpacked(package):
    """Directory with the contents of PACKAGE."""
    deb = download(package)
    tree = OUT / "unpacked" / package
    if not up_to_date(tree, deb.name):
        run("dpkg", "-x", deb, fresh(tree))
        remember(tree, deb.name)
    return tree


# Pieces of RAM disk

def libraries(programs):
    """The shared libraries that these programs load, as files of this machine."""
    found = set()
    for program in programs:
        for line in run("sh", "-c", f"ldd '{program}' 2>&1 || true").splitlines():
            if "not found" in line:
                raise PrepareError(f"{program}: {line.strip()} (install the library's package)")
            path = re.search(r"(/\S+) \(0x", line)
            if path:
                found.add(Path(path.group(1)))
    return sorted(found)


def merged(path):
    """Where PATH lives in a system whose /lib, /bin and /sbin are links into /usr, relative to its root."""
    name = str(path).lstrip("/")
    return name if not re.match(r"(bin|sbin|lib|lib64)/", name) else "usr/" + name


def add_libraries(tree, programs, present=frozenset()):
    """Copies into TREE what PROGRAMS load and PRESENT (paths relative to the root) does not have."""
    for library in libraries(programs) + [Path(name) for name in LOADED_LATER]:
        target = merged(library)
        if target not in present:
            (tree / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, tree / target)


def executables(tree):
    return [p for p in sorted(tree.rglob("*")) if p.is_file() and not p.is_symlink() and p.read_bytes()[:4] == b"\x7fELF"]


def make_kernel():
    tree = unpacked(kernel_package())
    return next((tree / "boot").glob("vmlinuz-*")), next((tree / "lib" / "modules").iterdir())


def make_guest(modules):
    """What every machine has: first process, the test's agent, its clock tool, a shell, network drivers."""
    tree = fresh(OUT / "tree" / "guest")
    (tree / "vm" / "modules").mkdir(parents=True)
    for name in MODULES:
        shutil.copy(modules / "kernel" / "drivers" / (name + ".ko"), tree / "vm" / "modules")
    shutil.copy(modules / "kernel" / "net" / "core" / "failover.ko", tree / "vm" / "modules")
    shutil.copy(shutil.which("busybox"), tree / "vm" / "busybox")
    shutil.copy(HERE / "guest" / "agent", tree / "vm" / "agent")
    shutil.copy(HERE / "guest" / "init", tree / "init")
    run("gcc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-static",
        "-o", tree / "vm" / "vmclock", HERE / "guest" / "vmclock.c", "-lm")
    if "dynamically linked" in run("sh", "-c", f"ldd '{tree}/vm/busybox' 2>&1; true") or libraries([tree / "vm" / "busybox"]):
        raise PrepareError("busybox is not the static one: apt-get install busybox-static")
    pack(tree, OUT / "guest.cpio.zst")


def make_small():
    """The rest of a machine without systemd: accounts, names, and Debian's chronyd."""
    tree = fresh(OUT / "tree" / "small")
    for name in ["bin", "sbin", "lib", "lib64"]:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    etc = tree / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0:root:/:/bin/sh\nntp:x:123:123:ntp:/:/bin/false\n")
    (etc / "group").write_text("root:x:0:\nntp:x:123:\n")
    (etc / "hosts").write_text(HOSTS)
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
    chronyd = unpacked("chrony") / "usr" / "sbin" / "chronyd"
    shutil.copy(chronyd, tree / "usr" / "sbin")
    add_libraries(tree, [chronyd])
    pack(tree, OUT / "small.cpio.zst")


def debian_source():
    """Suite and mirror: those that this machine's apt uses."""
    suite = run("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME").strip()
    sites = run("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT)", "Created-By: Packages")
    for line in sites.splitlines():
        site, codename, component = line.split()
        if codename == suite and component == "main":
            return suite, site
    raise SystemExit(f"apt on this machine has no source for {suite} main")


def make_debian():
    """A whole Debian system with systemd, without our programs.  The slow step, so kept; needs root."""
    archive = OUT / "debian.cpio.zst"
    suite, mirror = debian_source()
    recipe = hashlib.sha256(repr((suite, PACKAGES, BALLAST, MASKED, HOSTS)).encode()).hexdigest()
    if up_to_date(archive, recipe):
        return
    say("making the Debian system (debootstrap, about a minute)")
    tree = fresh(OUT / "tree" / "debian")
    run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, tree, mirror)
    for name in BALLAST:
        shutil.rmtree(tree / name, ignore_errors=True)
    (tree / "var" / "log").mkdir()
    for unit in MASKED:
        (tree / "etc" / "systemd" / "system" / unit).symlink_to("/dev/null")
    (tree / "etc" / "hostname").write_text("vm\n")
    (tree / "etc" / "hosts").write_text(HOSTS)
    (tree / "etc" / "machine-id").write_text("")
    pack(tree, archive, owner=None)
    names = [str(p.relative_to(tree)) for p in sorted(tree.rglob("*"))]
    (OUT / "debian.list").write_text("\n".join(names) + "\n")
    shutil.rmtree(tree)
    remember(archive, recipe)


def install_tree():
    """Truechimer as `make install` puts it.  VM_TREE names a tree installed elsewhere instead."""
    if os.environ.get("VM_TREE"):
        return Path(os.environ["VM_TREE"]).resolve()
    tree = fresh(OUT / "tree" / "install")
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    run("make", "-s", "install", f"DESTDIR={tree}", "PREFIX=/usr", "sysconfdir=/etc", cwd=ROOT, env=clean)
    return tree


def copy_merged(source, tree):
    """Files and links only: a directory /lib in an archive would replace the Debian system's link of that name."""
    for path in sorted(source.rglob("*")):
        target = tree / merged(path.relative_to(source))
        if path.is_symlink() or path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target, follow_symlinks=False)


def enable(tree, unit):
    """What `systemctl enable UNIT` does, before there is a systemd to ask."""
    text = (tree / "usr" / "lib" / "systemd" / "system" / unit).read_text()
    for wanted in re.findall(r"^WantedBy=(.*)$", text, re.M):
        for target in wanted.split():
            wants = tree / "etc" / "systemd" / "system" / f"{target}.wants"
            wants.mkdir(parents=True, exist_ok=True)
            (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")


def make_ours():
    """Our programs, once with every library (small machine), once as installed in the Debian system."""
    installed = install_tree()
    tree = fresh(OUT / "tree" / "ours-small")
    copy_merged(installed, tree)
    add_libraries(tree, executables(tree))
    pack(tree, OUT / "ours-small.cpio.zst")

    tree = fresh(OUT / "tree" / "ours-debian")
    copy_merged(installed, tree)
    add_libraries(tree, executables(tree), present=set((OUT / "debian.list").read_text().split("\n")))
    units = tree / "usr" / "lib" / "systemd" / "system"
    units.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "guest" / "vm-agent.service", units)
    (tree / "etc").mkdir(exist_ok=True)
    shutil.copy(HERE / "guest" / "ntp.conf", tree / "etc")
    for unit in ["ntpd.service", "ntp-wait.service", "vm-agent.service"]:
        enable(tree, unit)
    pack(tree, OUT / "ours-debian.cpio.zst")


def join(name, pieces):
    """One RAM disk of several archives; each is padded because the kernel looks for the next at a multiple of four."""
    with open(OUT / name, "wb") as out:
        for piece in pieces:
            data = (OUT / f"{piece}.cpio.zst").read_bytes()
            out.write(data + b"\0" * (-len(data) % 4))


def prepare():
    """Makes everything; returns the kernel's path.  The RAM disks are OUT/{server,client,systemd}.initrd."""
    check_host()
    OUT.mkdir(parents=True, exist_ok=True)
    kernel, modules = make_kernel()
    make_guest(modules)
    make_small()
    make_debian()
    make_ours()
    join("server.initrd", ["guest", "small"])
    join("client.initrd", ["guest", "small", "ours-small"])
    join("systemd.initrd", ["debian", "guest", "ours-debian"])
    return kernel


if __name__ == "__main__":
    try:
        print(prepare())
    except PrepareError as problem:
        sys.exit(f"vm: {problem}")
