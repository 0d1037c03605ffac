"""Other programs use the loaded model: OpenAI's routes over HTTP, on this machine unless asked otherwise.

All work on the model goes through a `Host`, which owns the one engine thread; what waits on the network never runs
there.
"""

from engine.serving.access import Access
from engine.serving.jobs import About, Host, Job, Priority, Worker, events
from engine.serving.routes import routes_of
from engine.serving.server import Server
from engine.serving.voices import Voices

__all__ = ["About", "Access", "Host", "Job", "Priority", "Server", "Voices", "Worker", "events", "routes_of"]
