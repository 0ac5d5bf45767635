"""A local OpenAI-compatible HTTP server for tests: real HTTP, scripted behaviour, no model."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# A function of the request's body gives the words of the answer.
Behavior = str | bytes | Callable[[dict[str, Any]], str]


@dataclass
class Script:
    """What the server does, request by request; the last behaviour repeats.

    Behaviours: ok, rate_limited, broken (500), unauthorized, blocked (400, content_filter),
    not_json, slow, filtered, refused, empty; bytes are sent as they are, as a JSON body.
    """

    behaviors: list[Behavior] = field(default_factory=lambda: ["ok"])
    retry_after: str = "7"
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""

    def next(self) -> Behavior:
        return self.behaviors[min(len(self.requests), len(self.behaviors)) - 1]


ERRORS = {"rate_limited": 429, "broken": 500, "unauthorized": 401, "blocked": 400}


def handler_for(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            script.requests.append(body)
            script.keys.append(self.headers.get("authorization", ""))
            script.headers.append({name.lower(): value for name, value in self.headers.items()})
            behavior = script.next()
            if behavior == "slow":
                time.sleep(1.5)
            if isinstance(behavior, bytes):
                self.send_response(200)
                self.finish_with("application/json", behavior)
            elif behavior in ERRORS:
                self.send_response(ERRORS[behavior])
                if behavior == "rate_limited":
                    self.send_header("retry-after", script.retry_after)
                self.finish_with("application/json", error(behavior, script.keys[-1]))
            elif behavior == "not_json":
                self.send_response(200)
                self.finish_with("text/html", b"<html>a captive portal</html>")
            else:
                self.send_response(200)
                self.finish_with(
                    "application/json", json.dumps(completion(body, behavior)).encode()
                )

        def finish_with(self, kind: str, data: bytes) -> None:
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data)
            except BrokenPipeError:
                return  # the client has given up waiting

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
            """Quiet."""

    return Handler


def error(behavior: str, key: str) -> bytes:
    """An error whose text quotes the key, as some endpoints do."""
    code = "content_filter" if behavior == "blocked" else behavior
    return json.dumps({"error": {"message": f"no, {key}", "code": code}}).encode()


def completion(
    body: dict[str, Any], behavior: str | Callable[[dict[str, Any]], str]
) -> dict[str, Any]:
    """An answer that repeats the last message's first words."""
    said = body["messages"][-1]["content"]
    if callable(behavior):
        text: str | None = behavior(body)
    else:
        words = {"filtered": None, "refused": None, "empty": ""}
        text = words.get(behavior, f"You said: {said[:200]}")
    refusal = "I would rather not." if behavior == "refused" else None
    return {
        "id": f"chatcmpl-{said[:8]}",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": refusal},
                "finish_reason": "content_filter" if behavior == "filtered" else "stop",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }


@contextmanager
def openai_server(*behaviors: Behavior) -> Iterator[Script]:
    """Run the server on a free port while the block lasts."""
    script = Script(list(behaviors) or ["ok"])
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(script))
    script.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    # The poll is how long the end of the block waits for the server to notice it.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
