"""A model served on the loopback for the tests, by three protocols, with faults that a network has."""

import ipaddress
import json
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd


@dataclass
class Served:
    """What a test tells the server, and what the server saw.

    Attributes
    ----------
    fault : callable
        Gets the number of a request, from 1, and names what goes wrong with it, or None.
    rows : list of int
        Rows of each request that was answered in full.
    headers : list of dict
        Headers of each request.
    """

    model: object
    fault: object = lambda _number: None
    rows: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    number: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    address: str = ""


def table_of(body):
    if "inputs" in body:
        return pd.DataFrame({each["name"]: each["data"] for each in body["inputs"]})
    if "dataframe_split" in body:
        return pd.DataFrame(**body["dataframe_split"])
    return pd.DataFrame(body["instances"])


def answer_to(body, model):
    table = table_of(body)
    decided, chances = model.predict(table).tolist(), model.predict_proba(table)
    if "inputs" in body:
        outputs = [
            {"name": "predict", "shape": [len(table), 1], "datatype": "INT64", "data": decided},
            {
                "name": "predict_proba",
                "shape": list(chances.shape),
                "datatype": "FP64",
                "data": chances.ravel().tolist(),
            },
        ]
        return {"model_name": "m", "outputs": outputs}, len(table)
    if "dataframe_split" in body:
        rows = [{"label": d, "chances": c} for d, c in zip(decided, chances.tolist(), strict=True)]
        return {"predictions": rows}, len(table)
    return {"result": {"labels": decided, "scores": chances[:, 1].tolist()}}, len(table)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """Stay quiet."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet

    def log_message(self, *_):
        """Stay quiet."""

    def do_POST(self):
        served = self.server.served
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with served.lock:
            served.number += 1
            number = served.number
            served.headers.append(dict(self.headers))
        getattr(self, f"fault_{served.fault(number) or 'none'}")(served, body)

    def reply(self, data, status=200, headers=(), sent=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:sent])

    def fault_none(self, served, body):
        said, rows = answer_to(body, served.model)
        self.reply(json.dumps(said).encode())
        with served.lock:
            served.rows.append(rows)

    def fault_late(self, served, body):
        time.sleep(0.05 * (served.number % 3))
        self.fault_none(served, body)

    def fault_500(self, served, body):
        self.reply(b"Traceback (most recent call last)", 500)

    def fault_closing(self, served, body):
        """Answer with an error and close, without saying so, as uvicorn does after an exception."""
        self.reply(b"", 500)
        self.wfile.flush()
        self.close_connection = True

    def fault_429(self, served, body):
        self.reply(b"", 429, [("Retry-After", "0.01")])

    def fault_404(self, served, body):
        self.reply(b"not here", 404)

    def fault_redirect(self, served, body):
        self.reply(b"", 307, [("Location", served.address + "/elsewhere")])

    def fault_reset(self, served, body):
        self.close_connection = True
        self.connection.close()

    def fault_cut(self, served, body):
        data = json.dumps(answer_to(body, served.model)[0]).encode()
        self.reply(data, sent=len(data) // 2)
        self.close_connection = True

    def fault_text(self, served, body):
        self.reply(b"<html>an error page</html>")

    def fault_short(self, served, body):
        for value in body.get("instances", body.get("inputs", [])):
            value.get("data", [None]).pop()
        body["instances"] = body.get("instances", [None])[:-1]
        self.fault_none(served, body)

    def fault_huge(self, served, body):
        self.reply(b'{"predictions": "' + b"x" * (80 << 20) + b'"}')

    def fault_drip(self, served, body):
        """Send a byte of the answer now and then, each in time."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def fault_hang(self, served, body):
        time.sleep(30)


@contextmanager
def serving(model, fault=lambda _number: None, certificate=None, handler=Handler):
    """Serve a model until the block ends, over TLS where there is a certificate or a context of one."""
    server = Server(("127.0.0.1", 0), handler)
    scheme = "http"
    if certificate is not None:
        context = certificate
        if not isinstance(certificate, ssl.SSLContext):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    server.served = Served(model, fault, address=f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.served
    finally:
        server.shutdown()
        server.server_close()


def certificate_in(folder):
    """Write a certificate of 127.0.0.1 that nobody else trusts, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
