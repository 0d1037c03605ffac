"""Another Earshot: a protocol of our own over one WebSocket, version 1."""
