"""A small server that speaks as much of the Hub's protocol as pushing and pulling a model takes. Loopback only."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Hub(ThreadingHTTPServer):
    """Repositories by name, each {private, files}; `token` may write to what `owner` owns."""

    daemon_threads = True
    token, owner = "hf_of_ada", "ada"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos, self.large, self.asked = {}, {}, []
        self.broken = None  # of bytes of a file that are sent before the connection ends

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, name, private=False, **files):
        self.repos[name] = {"private": private, "files": files}


@contextmanager
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.answer("GET")

    def do_HEAD(self):
        self.answer("HEAD")

    def do_POST(self):
        self.answer("POST")

    def do_PUT(self):
        self.answer("PUT")

    def answer(self, method):
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((method, path))
        parts = path.strip("/").split("/")
        if self.headers.get("Authorization") not in (None, f"Bearer {self.server.token}") and parts[0] != "large":
            return self.error(401, "Invalid credentials in Authorization header")
        match method, *parts:
            case "GET", "api", "models", owner, name:
                self.info(f"{owner}/{name}")
            case "POST", "api", "validate-yaml":
                self.json({"errors": [], "warnings": []})
            case "POST", "api", "repos", "create":
                self.create(json.loads(body))
            case "POST", "api", "models", _, _, "preupload", "main":
                files = json.loads(body)["files"]
                modes = [
                    {
                        "path": file["path"],
                        "shouldIgnore": False,
                        "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    }
                    for file in files
                ]
                self.json({"files": modes})
            case "POST", _, _, "info", "lfs", "objects", "batch":
                self.batch(json.loads(body))
            case "PUT", "large", oid:
                assert hashlib.sha256(body).hexdigest() == oid
                self.server.large[oid] = body
                self.json({})
            case "POST", "api", "models", owner, name, "commit", "main":
                self.commit(f"{owner}/{name}", [json.loads(line) for line in body.splitlines()])
            case "HEAD" | "GET", owner, name, "resolve", _, file:
                self.file(method, f"{owner}/{name}", file)
            case _:
                self.error(404, "there is no such place")

    def shown(self, name):
        """The repository, if whoever asks may see it."""
        repo = self.server.repos.get(name)
        if repo is None or (repo["private"] and not self.headers.get("Authorization")):
            self.error(404, "Repository not found", "RepoNotFound")
            return None
        return repo

    def info(self, name):
        if repo := self.shown(name):
            about = {"id": name, "modelId": name, "sha": "a" * 40, "private": repo["private"], "tags": []}
            if b"library_name: aegean" in repo["files"].get("README.md", b""):
                about["library_name"] = "aegean"
            sizes = {path: repo.get("sizes", {}).get(path, len(data)) for path, data in repo["files"].items()}
            self.json({**about, "siblings": [{"rfilename": path, "size": size} for path, size in sizes.items()]})

    def create(self, asked):
        owner = asked.get("organization") or self.server.owner
        if owner != self.server.owner:
            return self.error(403, f"You don't have the rights to create a model under the namespace {owner!r}")
        name = f"{owner}/{asked['name']}"
        self.server.put(name, private=asked.get("visibility") == "private" or bool(asked.get("private")))
        self.json({"url": f"{self.server.url}/{name}"})

    def batch(self, asked):
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.server.url}/large/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        self.json({"transfer": "basic", "objects": objects})

    def commit(self, name, lines):
        files = self.server.repos[name]["files"]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        self.json({"commitUrl": f"{self.server.url}/{name}/commit/{'a' * 40}", "commitOid": "a" * 40})

    def file(self, method, name, path):
        repo = self.shown(name)
        if repo is None:
            return
        if path not in repo["files"]:
            return self.error(404, "Entry not found", "EntryNotFound")
        data = repo["files"][path]
        self.send_response(200)
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if method == "GET":
            self.wfile.write(data if self.server.broken is None else data[: self.server.broken])
            self.close_connection = self.server.broken is not None

    def json(self, value, status=200, **headers):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for key, text in headers.items():
            self.send_header(key.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def error(self, status, text, code=""):
        self.json({"error": text}, status, X_Error_Message=text, **({"X_Error_Code": code} if code else {}))
