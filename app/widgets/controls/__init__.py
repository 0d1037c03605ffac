"""Controls, colours and small pieces that all pages share."""
