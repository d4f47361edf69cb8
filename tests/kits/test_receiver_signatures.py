"""What the receiver of the kits takes for a vendor's own request, and what it does not."""

import pytest
from multidict import CIMultiDict

from app.vendors import VENDORS
from receiver import VERIFY
from tests.kits.signing import SECRETS, SIGN, amity, selfcommunity

NOW = 1_763_700_000
BODY = b'{"name": "Zo\xc3\xab",\n "a":1}\xff\x00'


def takes(vendor: str, headers: dict[str, str], body: bytes = BODY, secret: str = "", now: int = NOW) -> bool:
    return VERIFY[vendor](secret or SECRETS[vendor], CIMultiDict(headers), body, float(now))


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_signed_body_is_taken_and_any_other_is_not(vendor: str) -> None:
    headers = SIGN[vendor](SECRETS[vendor], BODY, NOW)
    assert takes(vendor, headers)
    assert not takes(vendor, headers, BODY + b" ")
    assert not takes(vendor, headers, BODY.replace(b"\n", b""))
    assert not takes(vendor, SIGN[vendor]("whsec_b3RoZXI=", BODY, NOW))
    assert not takes(vendor, {})


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_changed_signature_is_not_taken_whatever_it_is(vendor: str) -> None:
    signed = SIGN[vendor](SECRETS[vendor], BODY, NOW)
    (name,) = [name for name in signed if name.lower().endswith("signature")]
    for wrong in (
        "",
        "=",
        ",",
        "v1,",
        "t=,v1=",
        "\u00e9",
        "\udcff",
        "t=\u0661,v1=\udcff",
        signed[name].replace("v1", "v2") if "v1" in signed[name] else f"{signed[name]}0",
    ):
        assert not takes(vendor, {**signed, name: wrong}), wrong


@pytest.mark.parametrize(
    ("vendor", "seconds"), [("selfcommunity", 7_200), ("magine", 300), ("rocketchat", 300)]
)
def test_a_signature_is_not_taken_for_ever(vendor: str, seconds: int) -> None:
    signed = SIGN[vendor](SECRETS[vendor], BODY, NOW)
    assert takes(vendor, signed, now=NOW + seconds)
    assert not takes(vendor, signed, now=NOW + seconds + 1)
    assert not takes(vendor, signed, now=NOW - seconds - 1)


def test_the_time_and_the_id_are_signed_too() -> None:
    signed = SIGN["magine"](SECRETS["magine"], BODY, NOW)
    assert not takes("magine", {**signed, "webhook-id": "msg_2"})
    assert not takes("magine", {**signed, "webhook-timestamp": str(NOW + 1)})
    text = selfcommunity(SECRETS["selfcommunity"], BODY, NOW)["SelfCommunity-Signature"]
    assert not takes("selfcommunity", {"SelfCommunity-Signature": text.replace(f"t={NOW}", f"t={NOW + 1}")})


def test_either_of_two_readings_of_an_unclear_page_is_taken() -> None:
    text = selfcommunity(SECRETS["selfcommunity"], BODY, NOW)["SelfCommunity-Signature"]
    swapped = text.replace("v1=", "x=").replace("v0=", "v1=").replace("x=", "v0=")
    assert takes("selfcommunity", {"SelfCommunity-Signature": swapped})
    other = {"SelfCommunity-Signature": text.replace("v1=", "v2=")}
    assert not takes("selfcommunity", other)
    hexadecimal = SIGN["fynd"](SECRETS["amity"], BODY, NOW)["x-fp-signature"]
    assert takes("amity", {"x-amity-signature": hexadecimal})
    assert takes("amity", amity(SECRETS["amity"], BODY, NOW))
