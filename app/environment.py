"""The environment variables of the settings: which there are, and the settings that an environment gives."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from app.errors import InvalidSettings
from app.secret_files import secret_in
from app.security_rules import security_problems
from app.setting_names import is_service_link, mistake
from app.settings import SECRETS, Settings
from app.vendors import VENDORS
from app.vendors.conversion import DEFAULT_TENANT

# An idle fetch takes half a second, and a slice can keep the event loop busy as long: with a lower limit the
# watchdog would end a healthy worker.
_WATCHDOG_LEAST: Final = 2.0

_TEXT: Final = "one line of up to 4096 characters"
_FORMS: Final = {
    **dict.fromkeys(("ssl_ca_file", "ssl_certificate_file", "ssl_key_file"), _TEXT),
    **dict.fromkeys(("sasl_username", "sasl_password", "sasl_token_file", "ssl_key_password"), _TEXT),
    **{f"{secret}_file": _TEXT for secret in SECRETS},
    "broker_url": "host:port[,host:port...]",
    "group_instance_id": "up to 249 letters, digits, dots, _ and -, but not . or ..",
    "worker_urls": "http://host:port[,http://host:port...]",
    "vendors": f"names of {', '.join(VENDORS)}, separated by commas alone",
    "http_token": "up to 1024 visible ASCII characters",
}
_PER_VENDOR: Final = {"topic_vendors": "TOPIC_", "tenant_vendors": "TENANT_"}


class Variable(Struct, frozen=True):
    """One environment variable: a field of `Settings`, or a vendor's entry in one."""

    name: str
    field: str
    vendor: str | None
    default: Any
    help: str

    @property
    def is_secret(self) -> bool:
        """Whether its value must never be shown."""
        return self.field in SECRETS


def variables() -> list[Variable]:
    """Returns all variables, in the order of the table in docs/settings.md."""
    listed = []
    hints = get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    for field in msgspec.structs.fields(Settings):
        text = next(meta.description or "" for meta in hints[field.name].__metadata__ if meta.description)
        if field.name in _PER_VENDOR:
            for vendor in VENDORS.values():
                name = f"{_PER_VENDOR[field.name]}{vendor.name.upper()}"
                default = defaults.topic_of(vendor.name) if name.startswith("TOPIC") else DEFAULT_TENANT
                listed.append(Variable(name, field.name, vendor.name, default, f"{vendor.title}: {text}"))
        else:
            listed.append(Variable(field.name.upper(), field.name, None, field.default, text))
    return listed


def load(environment: Mapping[str, str]) -> Settings:
    """Returns the settings of this environment. Raises InvalidSettings if a value is malformed, or if a name
    is probably a mistyped name of a setting."""
    known = {variable.name: variable for variable in variables()}
    problems = []
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if is_service_link(name, text):
            continue
        if (variable := known.get(name)) is None:
            if problem := mistake(name, known):
                problems.append(problem)
        elif text == "":
            continue
        elif problem := _malformed(variable, value := _as_listed(variable, text)):
            problems.append(f"{name}: {problem}")
        elif variable.vendor is None:
            values[variable.field] = value
        else:
            values.setdefault(variable.field, {})[variable.vendor] = value
    problems += _read_secrets(values, known)
    if problems:
        raise InvalidSettings("; ".join(problems))
    settings = msgspec.convert(values, Settings, strict=False)
    if problems := security_problems(settings):
        raise InvalidSettings("; ".join(problems))
    _refuse_shared_topics(settings)
    if 0 < settings.watchdog_seconds < _WATCHDOG_LEAST:
        raise InvalidSettings(f"WATCHDOG_SECONDS: expected 0 or at least {_WATCHDOG_LEAST:g}")
    return settings


def _read_secrets(values: dict[str, Any], known: Mapping[str, Variable]) -> list[str]:
    """Puts each secret that is in a file into `values`. Returns one line for each that cannot be used."""
    problems = []
    for secret in sorted(SECRETS):
        name, path = secret.upper(), values.get(f"{secret}_file")
        if path is None:
            continue
        if secret in values:
            problems.append(f"{name} and {name}_FILE are both set")
            continue
        found = secret_in(path)
        if problem := found.problem or _malformed(known[name], found.text):
            problems.append(f"{name}_FILE: {problem}")
        values[secret] = found.text
    return problems


def _as_listed(variable: Variable, text: str) -> str:
    """Returns the text as it is in the setting's closed set of values, so that `INFO` means `info`; the same
    text if it is not in the set, or the set is not closed."""
    if variable.field == "vendors":
        return text.lower()
    return next((choice for choice in _choices(variable) if choice.lower() == text.lower()), text)


def _choices(variable: Variable) -> tuple[str, ...]:
    """Returns the values of a setting that has a closed set of them; else an empty tuple."""
    hint = get_type_hints(Settings)[variable.field]
    return tuple(filter(None, get_args(hint))) if get_origin(hint) is Literal else ()


def _refuse_shared_topics(settings: Settings) -> None:
    """Raises InvalidSettings if two of the topics in use have one name: a worker that reads what it writes
    would never come to an end."""
    users, loyalty = settings.changelogs
    names = {f"TOPIC_{vendor.upper()}": settings.topic_of(vendor) for vendor in settings.vendor_names}
    names |= {"TOPIC_EVENTS": settings.topic_events, "TOPIC_DEAD_LETTER": settings.topic_dead_letter}
    names |= {
        "TOPIC_USERS" if settings.topic_users else "the users changelog": users,
        "TOPIC_LOYALTY" if settings.topic_loyalty else "the loyalty changelog": loyalty,
    }
    owners: dict[str, str] = {}
    for owner, topic in names.items():
        if (other := owners.setdefault(topic, owner)) != owner:
            raise InvalidSettings(f"{other} and {owner} are the same topic")


def _malformed(variable: Variable, text: str) -> str | None:
    """Returns what is expected of the variable's value; None if the value is well formed."""
    value = text if variable.vendor is None else {variable.vendor: text}
    try:
        text.encode()
        msgspec.convert({variable.field: value}, Settings, strict=False)
    except UnicodeEncodeError:
        return "expected UTF-8"
    except msgspec.ValidationError as error:
        expected = str(error).partition(" - at ")[0]
        if "enum value" in expected:
            return f"expected one of {', '.join(_choices(variable))}"
        if "regex" in expected:
            return f"expected {_FORMS.get(variable.field, 'letters, digits, dots, _ and -')}"
        return f"{expected[:1].lower()}{expected[1:]}"
    return None
