"""A small model hub on this machine: what an upload and a download need of one."""

import base64
import json
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "c" * 40


class Hub(BaseHTTPRequestHandler):
    """Answers the calls of huggingface_hub; repositories are dicts of files."""

    repositories: dict[str, dict[str, bytes]]
    calls: list[tuple[str, str, str | None]]

    @property
    def address(self):
        """Address of this hub."""
        return f"http://{self.headers['Host']}"

    def do_POST(self):
        """Make a repository or a branch, and store a commit."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.note()
        if self.path == "/api/repos/create":
            values = json.loads(body)
            name = f"{values['organization']}/{values['name']}"
            self.repositories.setdefault(name, {})
            self.answer({"url": f"{self.address}/{name}"})
        elif "/preupload/" in self.path:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self.answer({"files": files})
        elif "/commit/" in self.path:
            name = "/".join(self.path.split("/")[3:5])
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    value = line["value"]
                    content = base64.b64decode(value["content"])
                    self.repositories[name][value["path"]] = content
            url = f"{self.address}/{name}/commit/{COMMIT}"
            self.answer({"commitUrl": url, "commitOid": COMMIT})
        else:
            self.answer({})

    def do_GET(self):
        """Send a file, or facts about a repository."""
        self.note()
        if self.path.startswith("/api/models/"):
            name = "/".join(self.path.split("?")[0].split("/")[3:5])
            files = self.repositories.get(name)
            if files is None:
                return self.refuse("RepoNotFound", 401)
            names = [{"rfilename": file} for file in files]
            return self.answer({"id": name, "sha": COMMIT, "siblings": names})
        content = self.found()
        if content is not None:
            self.wfile.write(content)

    def do_HEAD(self):
        """Send the size and the digest of a file; at the root, say that it is there."""
        if self.path == "/":
            return self.answer({})
        self.note()
        return self.found()

    def found(self):
        """Send the headers of a file, and return its content."""
        parts = self.path.lstrip("/").split("/")
        files = self.repositories.get("/".join(parts[:2]))
        if files is None:
            return self.refuse("RepoNotFound", 401)
        if parts[3] not in ("main", COMMIT):
            return self.refuse("RevisionNotFound", 404)
        content = files.get("/".join(parts[4:]))
        if content is None:
            return self.refuse("EntryNotFound", 404)
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def refuse(self, code, status):
        """Answer with an error of the hub."""
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, values):
        """Answer with JSON."""
        text = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def note(self):
        """Remember a call and its token."""
        self.calls.append((self.command, self.path, self.headers["Authorization"]))

    def log_message(self, *arguments):
        """Print nothing."""


@contextmanager
def running_hub():
    """Yield the address of a hub, its repositories, and the calls that it has got."""
    state = {"repositories": {}, "calls": []}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("State", (Hub,), state))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        yield address, state["repositories"], state["calls"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
