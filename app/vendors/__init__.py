"""The vendors: body bytes in, one outcome out. Pure; nothing here knows Kafka, Faust or a clock."""

from app.vendors.amity import AMITY
from app.vendors.convert import Options, convert
from app.vendors.fynd import FYND
from app.vendors.magine import MAGINE
from app.vendors.model import Record, Vendor
from app.vendors.rocketchat import ROCKETCHAT
from app.vendors.selfcommunity import SELFCOMMUNITY

# The registry: topics, agents, settings, metrics, schemas and docs are generated from it.
VENDORS: dict[str, Vendor] = {
    vendor.name: vendor for vendor in (SELFCOMMUNITY, FYND, MAGINE, ROCKETCHAT, AMITY)
}

__all__ = ["VENDORS", "Options", "Record", "Vendor", "convert"]
