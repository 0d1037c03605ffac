"""The tools that come with Earshot, put together."""

from __future__ import annotations

from engine.conversation.replying.tools.calculator import calculator
from engine.conversation.replying.tools.clock import clock_tools
from engine.conversation.replying.tools.files import GivenFiles, file_tools
from engine.conversation.replying.tools.registry import ToolRegistry, tool
from engine.conversation.replying.tools.timers import TimerService, timer_tools
from engine.conversation.replying.tools.units import convert_units
from engine.conversation.replying.tools.web_search import WebSearchSettings, web_search_tools


def builtin_tools(
    timers: TimerService | None = None,
    files: GivenFiles | None = None,
    web_search: WebSearchSettings | None = None,
) -> ToolRegistry:
    """A registry with the calculator, the clock and unit conversion, and with timers, given files and web search
    where a service, an allow-list and settings are given. Web search reaches the network: pass settings only when the
    user has turned it on.
    """
    registry = ToolRegistry([tool(calculator), *clock_tools(), tool(convert_units)])
    for added in (
        *(timer_tools(timers) if timers else ()),
        *(file_tools(files) if files else ()),
        *(web_search_tools(web_search) if web_search else ()),
    ):
        registry.add(added)
    return registry
