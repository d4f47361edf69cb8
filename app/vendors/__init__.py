"""The vendors: the bytes of a body in, one outcome out. Nothing here knows Kafka, Faust or the time.

They are pure. To add one, see CONTRIBUTING.md.
"""

from app.vendors.amity import AMITY
from app.vendors.conversion import Options, convert
from app.vendors.fynd import FYND
from app.vendors.magine import MAGINE
from app.vendors.model import Vendor
from app.vendors.record import InputRecord
from app.vendors.rocketchat import ROCKETCHAT
from app.vendors.selfcommunity import SELFCOMMUNITY

# The registry: topics, agents, settings, metrics and schemas are made from it.
VENDORS: dict[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        SELFCOMMUNITY,
        FYND,
        MAGINE,
        ROCKETCHAT,
        AMITY,
    )
}

__all__ = ["VENDORS", "InputRecord", "Options", "Vendor", "convert"]
