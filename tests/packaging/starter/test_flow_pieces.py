"""What the flow's attention sees over a batch is what it sees in a stream."""

from __future__ import annotations

from starter.networks import flow_pieces


def test_a_piece_sees_itself_the_newest_before_it_and_the_end_of_the_voice() -> None:
    seen = flow_pieces.stream_mask(300, voice=100, piece=20)
    assert seen[:100, :100].all()  # the voice sees all of itself
    assert not seen[:100, 100:].any()
    assert seen[130, 120:140].all()  # its own piece, ahead too
    assert not seen[130, 140:].any()
    assert seen[290, 50:100].all()  # the voice's last ones
    assert seen[290, 180:280].all()  # as many of the newest as the voice has
    assert not seen[290, 100:180].any()
