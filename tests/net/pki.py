# SPDX-License-Identifier: BSD-2-Clause
"""A certificate authority of a test, and what it signs; by openssl(1)."""
import subprocess


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Authority:
    """ca is the file to be trusted."""

    def __init__(self, directory, name="Test CA"):
        self.dir = directory
        self.dir.mkdir(parents=True, exist_ok=True)
        self.ca, self.key = self.dir / "ca.pem", self.dir / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.ca,
                "-days", "3650", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")

    def sign(self, name, alt, days=365, start=None, end=None, subject=None):
        """A certificate and its key, as paths; alt is like "DNS:a.example,IP:192.0.2.1" or "" for none; start and end like 20200101000000Z."""
        cert, key, request, extra = (self.dir / f"{name}.{kind}" for kind in ("pem", "key", "csr", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
                "-subj", f"/CN={subject or name}")
        extra.write_text("basicConstraints=CA:FALSE\n" + (f"subjectAltName={alt}\n" if alt else ""))
        if start is None:
            openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-days", days, "-out", cert,
                    "-extfile", extra)
        else:
            database = self.dir / f"{name}.db"
            database.mkdir(exist_ok=True)
            (database / "index").write_text("")
            (database / "conf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={database}/index\nnew_certs_dir={database}\nrand_serial=yes\n"
                                           "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
            openssl("ca", "-batch", "-notext", "-config", database / "conf", "-in", request, "-cert", self.ca, "-keyfile", self.key,
                    "-startdate", start, "-enddate", end, "-out", cert, "-extfile", extra)
        cert.chmod(0o644)
        key.chmod(0o644)
        return cert, key
