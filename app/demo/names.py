"""The settings of the demo's worker: the stories decide them, and not the environment of the demo."""

import uuid
from collections.abc import Mapping

from app.demo.story import Story
from app.environment import variables
from app.security_rules import SECURITY
from app.vendors import VENDORS

# These belong to the broker that the user names. All other settings of the environment would change the
# outcome.
_KEPT = ("BROKER_URL", "BROKER_WAIT", "REPLICATION_FACTOR", *map(str.upper, SECURITY))
# The stories take place long ago. With the default, the sweep would replace the markers of deleted users by
# tombstones after a minute.
_GRACE_SECONDS = 10 * 365 * 86_400


def worker_settings(
    environment: Mapping[str, str], stories: tuple[Story, ...], *, broker: str | None, port: int
) -> dict[str, str]:
    """Returns the variables that differ from the defaults, as the environment of a worker has them.

    `broker`: the address of the embedded Kafka, which only the demo uses. If it is None, the broker is that
    of `BROKER_URL`, and the app id and topics have names that no other program can have.
    """
    vendors = [story.vendor for story in stories]
    chosen = {name: environment[name] for name in _KEPT if environment.get(name)}
    if broker is None:
        app_id = f"rollcall-demo-{uuid.uuid4().hex[:12]}"
        chosen |= {
            "APP_ID": app_id,
            "TOPIC_EVENTS": f"{app_id}.users.events",
            "TOPIC_DEAD_LETTER": f"{app_id}.users.dead-letter",
        }
        chosen |= {f"TOPIC_{vendor.upper()}": f"{app_id}.vendor.{vendor}.users" for vendor in vendors}
    else:
        chosen = {"BROKER_URL": broker}
    if set(vendors) != VENDORS.keys():
        chosen["VENDORS"] = ",".join(vendors)
    tenants = {f"TENANT_{story.vendor.upper()}": story.tenant_setting for story in stories}
    return {
        **chosen,
        **{name: tenant for name, tenant in tenants.items() if tenant},
        "TOPICS_CREATE": "true",
        "GRACE_PERIOD": str(_GRACE_SECONDS),
        "HTTP_PORT": str(port),
    }


def without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment without any of Rollcall's settings."""
    ours = {variable.name for variable in variables()}
    return {name: text for name, text in environment.items() if name not in ours}
