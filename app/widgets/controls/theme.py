"""How the window looks: colours for light and dark, three text sizes, and a grid of four pixels."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

ANSWER_PX = 14.5
TEXT_PX = 13.0
SMALL_PX = 11.5

TEXT_SIZES = (0.9, 1.0, 1.15, 1.3)  # that all text can be scaled by

GRID = 4
SIDEBAR_WIDTH = 248
BAR_HEIGHT = 44  # of the header
TALK_BAR_HEIGHT = 104
COLUMN_WIDTH = 640
SIDE_COLUMN_WIDTH = 240
QUEUE_WIDTH = 720
ROW, SINGLE_ROW, ICON_BUTTON, CHIP, CARD, LANE = 48, 32, 28, 24, 32, 36  # heights
BUBBLE_RADIUS, FIELD_RADIUS, CARD_RADIUS, ROW_RADIUS, ICON_RADIUS = 16, 12, 10, 8, 7
WINDOW_SIZE = (1120, 760)
MINIMUM_WINDOW_SIZE = (560, 480)
NARROW_PX = 860  # below this the sidebar opens over the page
MOTION_MS = 150
PANEL_MS = 180


@dataclass(frozen=True)
class Colours:
    """Every colour the window uses, named by its work."""

    dark: bool
    window: QColor
    sidebar: QColor
    card: QColor
    bubble: QColor
    line: QColor
    groove: QColor
    raised: QColor
    text: QColor
    second: QColor
    faint: QColor
    accent: QColor
    accent_text: QColor
    accent_fill: QColor  # behind white words
    accent_soft: QColor
    on_accent: QColor
    good: QColor
    good_soft: QColor
    listening: QColor
    trouble: QColor
    trouble_soft: QColor
    trouble_bar: QColor
    hit: QColor
    hit_now: QColor
    unheard: QColor  # words that were not spoken
    field_line: QColor  # around fields and buttons
    segment_on: QColor
    speakers: tuple[tuple[QColor, QColor], ...]  # words and soft ground, in turn


def _pairs(*pairs: str) -> tuple[tuple[QColor, QColor], ...]:
    return tuple((QColor(words), QColor(soft)) for words, soft in (pair.split() for pair in pairs))


LIGHT = Colours(
    dark=False,
    window=QColor("#ffffff"),
    sidebar=QColor("#f3f2f5"),
    card=QColor("#fafafb"),
    bubble=QColor("#f3f2f5"),
    line=QColor("#e3e1e6"),
    groove=QColor("#e3e1e6"),
    raised=QColor("#ffffff"),
    text=QColor("#1d1c20"),
    second=QColor("#66636c"),
    faint=QColor("#8c8993"),
    accent=QColor("#5b5bd6"),
    accent_text=QColor("#5252c9"),
    accent_fill=QColor("#5b5bd6"),
    accent_soft=QColor("#ececfb"),
    on_accent=QColor("#ffffff"),
    good=QColor("#1b7a48"),
    good_soft=QColor("#e4f3ea"),
    listening=QColor("#28965d"),
    trouble=QColor("#93600c"),
    trouble_soft=QColor("#fbf1de"),
    trouble_bar=QColor("#d29a3a"),
    hit=QColor("#fdeeb5"),
    hit_now=QColor("#f8d35c"),
    unheard=QColor("#767380"),
    field_line=QColor("#cfccd4"),
    segment_on=QColor("#ffffff"),
    speakers=_pairs("#5252c9 #ececfb", "#1d7476 #e0f1f1", "#a3466c #f9e8ef", "#8a5f12 #f7eedb"),
)

DARK = Colours(
    dark=True,
    window=QColor("#1c1b1f"),
    sidebar=QColor("#252429"),
    card=QColor("#232227"),
    bubble=QColor("#2b2a30"),
    line=QColor("#36343b"),
    groove=QColor("#36343b"),
    raised=QColor("#2b2a30"),
    text=QColor("#f1eff4"),
    second=QColor("#aaa7b1"),
    faint=QColor("#86838e"),
    accent=QColor("#8888ef"),
    accent_text=QColor("#9a9af5"),
    accent_fill=QColor("#5f5fd8"),
    accent_soft=QColor("#2e2d4d"),
    on_accent=QColor("#ffffff"),
    good=QColor("#4cc38a"),
    good_soft=QColor("#1d3328"),
    listening=QColor("#379f6c"),
    trouble=QColor("#d9a04a"),
    trouble_soft=QColor("#382c16"),
    trouble_bar=QColor("#c08a35"),
    hit=QColor("#4d4118"),
    hit_now=QColor("#7c620f"),
    unheard=QColor("#8f8c98"),
    field_line=QColor("#4b4852"),
    segment_on=QColor("#46434c"),
    speakers=_pairs("#9a9af5 #2e2d4d", "#62bfc0 #1b3535", "#e08fb0 #3a2430", "#d3a552 #372d17"),
)


def colours(widget: QWidget) -> Colours:
    """The colours that suit the widget's palette: dark ones on a dark window."""
    return DARK if widget.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def font(size_px: float = TEXT_PX, weight: int = 400, *, tabular: bool = False) -> QFont:
    """The system font at a size in device independent pixels. `tabular` gives digits of equal width."""
    chosen = QFont(QGuiApplication.font())
    _size(chosen, size_px)
    chosen.setWeight(QFont.Weight(weight))
    if tabular:
        chosen.setFeature(QFont.Tag("tnum"), 1)
    return chosen


def mono_font(size_px: float = 12.0) -> QFont:
    """The system's font of fixed width at a size in device independent pixels."""
    chosen = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    _size(chosen, size_px)
    return chosen


def _size(chosen: QFont, size_px: float) -> None:
    screen = QGuiApplication.primaryScreen()
    chosen.setPointSizeF(size_px * text_scale() * 72.0 / (screen.logicalDotsPerInchY() if screen else 96.0))


def text_scale() -> float:
    """What all text is scaled by: the user's choice, kept at the application."""
    application = QApplication.instance()
    return float(application.property("text scale") or 1.0) if application is not None else 1.0


def motion_ms(duration_ms: int = MOTION_MS) -> int:
    """How long a movement may take: nothing when the system asks for reduced motion."""
    hints = QGuiApplication.styleHints()  # held here: what it hands out dies with it
    accessibility = getattr(hints, "accessibility", lambda: None)()
    preference = getattr(accessibility, "motionPreference", lambda: None)()
    return 0 if preference is not None and preference.name.startswith("Reduced") else duration_ms


def base_font() -> QFont:
    """The system's own font on a Mac; elsewhere Inter with a Chinese companion when they are installed."""
    chosen = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if sys.platform != "darwin":
        installed = set(QFontDatabase.families())
        families = [name for name in ("Inter", "Noto Sans CJK SC", "DejaVu Sans") if name in installed]
        chosen.setFamilies(families or [chosen.family()])
        chosen.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    _size(chosen, TEXT_PX)
    return chosen


def palette(values: Colours) -> QPalette:
    """The Qt palette with these colours, so that standard controls and painted ones agree."""
    role, result = QPalette.ColorRole, QPalette()
    pairs = {
        role.Window: values.window,
        role.WindowText: values.text,
        role.Base: values.raised,
        role.AlternateBase: values.sidebar,
        role.Text: values.text,
        role.Button: values.card,
        role.ButtonText: values.text,
        role.BrightText: values.trouble,
        role.PlaceholderText: values.second,
        role.Highlight: values.accent_soft,
        role.HighlightedText: values.text,
        role.Accent: values.accent,
        role.Link: values.accent_text,
        role.LinkVisited: values.accent_text,
        role.ToolTipBase: values.card,
        role.ToolTipText: values.text,
        role.Light: values.raised,
        role.Midlight: values.card,
        role.Mid: values.line,
        role.Dark: values.faint,
    }
    for each, colour in pairs.items():
        result.setColor(each, colour)
    for each in (role.Text, role.WindowText, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, each, values.faint)
    return result


class Theme(QObject):
    """Keeps the application's font and palette in step with the system's light and dark. Build one, keep it."""

    def __init__(self, application: QApplication, scheme: Qt.ColorScheme | None = None) -> None:
        super().__init__(application)
        self._application = application
        self._forced = scheme
        application.setFont(base_font())
        application.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
        self._apply()

    def force(self, scheme: Qt.ColorScheme | None) -> None:
        """Use this scheme whatever the system says; None follows the system again."""
        if scheme != self._forced:
            self._forced = scheme
            self._apply()

    def scale_text(self, scale: float) -> None:
        """Show all text in another size, also what is on the screen already."""
        before = text_scale()
        if scale == before:
            return
        self._application.setProperty("text scale", scale)
        self._application.setFont(base_font())
        for widget in QApplication.allWidgets():
            if widget.testAttribute(Qt.WidgetAttribute.WA_SetFont):
                chosen = QFont(widget.font())
                chosen.setPointSizeF(chosen.pointSizeF() * scale / before)
                widget.setFont(chosen)
            widget.updateGeometry()
            widget.update()

    def _on_scheme_changed(self, _scheme: Qt.ColorScheme) -> None:
        self._apply()

    def _apply(self) -> None:
        scheme = self._forced or self._application.styleHints().colorScheme()
        self._application.setPalette(palette(DARK if scheme == Qt.ColorScheme.Dark else LIGHT))


def is_look_change(event: QEvent) -> bool:
    """Whether an event means that colours or fonts must be read again."""
    return event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.ApplicationPaletteChange)
