"""The window around the pages: sidebar, header, menus."""
