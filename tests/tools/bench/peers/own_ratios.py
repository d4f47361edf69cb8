"""The ratios of Rollcall to the least that its work can cost, and of a repeat to a new event."""

from tests.tools.bench.bodies import MIXES
from tests.tools.bench.convert_ratio import ratio_to_floor
from tests.tools.bench.fold_ratios import measure
from tests.tools.bench.peers.measurement import name_of


def own_ratios() -> dict[str, float]:
    """Returns them by name, measured in this process in some seconds. SelfCommunity's have no vendor's name
    before them, those of all vendors have `mix/`.

    `convert/floor`: a body to encoded events, to decoding and encoding it. `bytes/floor`: an event that comes
    to existing rows, bytes to bytes, to msgspec alone. `repeat/new`: an event that comes again to one that is
    new.
    """
    ratios = {name_of(vendor, "convert/floor"): ratio_to_floor(vendor) for vendor in MIXES}
    for workload, vendors in (("selfcommunity", ["selfcommunity"]), ("mix", list(MIXES))):
        costs = measure(vendors)
        ratios[name_of(workload, "bytes/floor")] = costs.new / costs.floor
        ratios[name_of(workload, "repeat/new")] = costs.repeat / costs.new
    return ratios
