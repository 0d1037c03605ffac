"""Converts between units of measurement, with exact factors."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from engine.conversation.replying.tools.calculator import show
from engine.conversation.replying.tools.registry import ToolError


@dataclass(frozen=True)
class Unit:
    """One unit: its short name, what it measures, and base = value × factor + offset."""

    name: str
    kind: str
    factor: Fraction
    offset: Fraction = Fraction(0)


# Units are parted by |: the short name, its factor to the kind's base unit, and its other names.
_TABLE = {
    "length": """
        m 1 meter metre 米 公尺|km 1000 kilometer kilometre 公里 千米|dm 0.1 decimeter decimetre 分米|
        cm 0.01 centimeter centimetre 厘米|mm 0.001 millimeter millimetre 毫米|µm 1e-6 um micrometer micrometre micron|
        nm 1e-9 nanometer nanometre|in 0.0254 inch inches 英寸|ft 0.3048 foot feet 英尺|yd 0.9144 yard 码|
        mi 1609.344 mile 英里|nmi 1852 nautical_mile 海里|ly 9460730472580800 light_year 光年|li 500 里""",
    "mass": """
        kg 1 kilogram kilo 千克 公斤|g 0.001 gram 克|mg 1e-6 milligram 毫克|
        µg 1e-9 ug microgram|t 1000 tonne metric_ton 吨|
        lb 0.45359237 pound lbs 磅|oz 0.028349523125 ounce 盎司|
        st 6.35029318 stone|short_ton 907.18474 ton us_ton|jin 0.5 斤""",
    "volume": """
        L 0.001 l liter litre 升|mL 1e-6 ml milliliter millilitre 毫升|
        cL 1e-5 cl centiliter centilitre|dL 1e-4 dl deciliter decilitre|
        m³ 1 m3 cubic_meter cubic_metre 立方米|cm³ 1e-6 cm3 cc cubic_centimeter cubic_centimetre|
        gal 0.003785411784 gallon us_gallon 加仑|imp_gal 0.00454609 imperial_gallon uk_gallon|qt 0.000946352946 quart|
        pt 0.000473176473 pint us_pint|imp_pt 0.00056826125 imperial_pint uk_pint|
        cup 0.0002365882365|fl_oz 0.0000295735295625 fluid_ounce|
        tbsp 0.00001478676478125 tablespoon|tsp 0.00000492892159375 teaspoon""",
    "time": """
        s 1 sec second 秒|ms 0.001 millisecond 毫秒|min 60 minute 分钟|
        h 3600 hr hour 小时|d 86400 day 天|wk 604800 week 周 星期|
        yr 31557600 year 年""",
    "area": """
        m² 1 m2 sqm square_meter square_metre 平方米|km² 1000000 km2 square_kilometer square_kilometre 平方公里|
        cm² 0.0001 cm2 square_centimeter square_centimetre|ha 10000 hectare 公顷|acre 4046.8564224 英亩|
        ft² 0.09290304 ft2 sqft square_foot square_feet|mi² 2589988.110336 mi2 square_mile|mu 666.6666666666667 亩""",
    "speed": """
        m/s 1 mps meter_per_second metre_per_second meters_per_second metres_per_second|
        km/h 0.2777777777777777777777777777777777777 kmh kph kilometer_per_hour
        kilometers_per_hour kilometre_per_hour kilometres_per_hour|
        mph 0.44704 mile_per_hour miles_per_hour|kn 0.5144444444444444444444444444444444444 knot""",
    "data": """
        B 1 byte 字节|bit 0.125|kB 1e3 kilobyte|MB 1e6 megabyte|GB 1e9 gigabyte|TB 1e12 terabyte|
        KiB 1024 kibibyte|MiB 1048576 mebibyte|GiB 1073741824 gibibyte|TiB 1099511627776 tebibyte""",
    "energy": """
        J 1 joule 焦耳|kJ 1000 kilojoule|cal 4.184 calorie 卡路里|kcal 4184 kilocalorie 千卡 大卡|Wh 3600 watt_hour|
        kWh 3600000 kilowatt_hour 千瓦时""",
    "power": """
        W 1 watt 瓦|mW 0.001 milliwatt|kW 1000 kilowatt 千瓦|MW 1e6 megawatt|
        hp 745.69987158227022 horsepower 马力""",
    "pressure": """
        Pa 1 pascal 帕|hPa 100 hectopascal|kPa 1000 kilopascal|bar 100000|mbar 100 millibar|psi 6894.757293168361|
        atm 101325 atmosphere|mmHg 133.322387415""",
    "angle": "° 1 deg degree 度|rad 57.29577951308232087679815481410517 radian|turn 360",
}
_TEMPERATURES = (
    ("°C", Fraction(1), Fraction(0), "c celsius degree_celsius degrees_celsius centigrade 摄氏度"),
    ("°F", Fraction(5, 9), Fraction(-160, 9), "f fahrenheit degree_fahrenheit degrees_fahrenheit 华氏度"),
    ("K", Fraction(1), Fraction("-273.15"), "k kelvin 开尔文"),
)


def _table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for kind, lines in _TABLE.items():
        for entry in lines.split("|"):
            if not entry.strip():
                continue
            name, factor, *others = entry.split()
            unit = Unit(name, kind, Fraction(factor).limit_denominator(10**18))
            units |= {alias: unit for alias in (name, *others)}
    for name, scale, offset, aliases in _TEMPERATURES:
        unit = Unit(name, "temperature", scale, offset)
        units |= {alias: unit for alias in (name, *aliases.split())}
    return units


_UNITS = _table()
_LOWER = {name.lower(): unit for name, unit in reversed(_UNITS.items())}


def find_unit(name: str) -> Unit:
    """The unit of a name or symbol as people write it; plurals and capitals do not matter. Raises ToolError."""
    written = "_".join(name.strip().rstrip(".").split())
    for candidate in (written, written.removesuffix("s"), written.removesuffix("es")):
        if unit := _UNITS.get(candidate) or _LOWER.get(candidate.lower()):
            return unit
    raise ToolError("I do not know the unit {name}.", name=name[:40])


def convert_units(value: float, from_unit: str, to_unit: str) -> str:
    """Convert a quantity from one unit of measurement to another.

    value: how many
    from_unit: the unit to convert from, such as km, pound, celsius
    to_unit: the unit to convert to
    """
    source, target = find_unit(from_unit), find_unit(to_unit)
    if source.kind != target.kind:
        raise ToolError(
            "{first} measures {first_kind} and {second} measures {second_kind}.",
            first=source.name,
            first_kind=source.kind,
            second=target.name,
            second_kind=target.kind,
        )
    amount = Fraction(str(value))
    result = (amount * source.factor + source.offset - target.offset) / target.factor
    return f"{show(amount)} {source.name} = {_short(result)} {target.name}"


def _short(value: Fraction) -> str:
    """Seven significant digits, but never a rounded whole part."""
    digits = 7 - len(str(abs(int(value)))) if abs(value) >= 1 else 9
    return show(round(value, max(digits, 0)))
