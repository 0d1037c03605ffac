"""Another Earshot uses the model from its machine: a WebSocket at /earshot/v1. See `engine.remote.earshot.wire`."""

from engine.serving.distance.route import EarshotRoute

__all__ = ["EarshotRoute"]
