"""Asks a registry about images without pulling them (github.com/opencontainers/distribution-spec).

The one library for it (oras) takes every challenge for a token's, and keeps one token for all repositories.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from sglaunch.engine.logins import Login, login
from sglaunch.errors import EngineError, Failure
from sglaunch.plain import Struct
from sglaunch.spec.reference import HUB, HUB_HOST, Reference, nearest_tags

TIMEOUT = 15.0
_MOST_BYTES = 8 << 20
_MOST_PAGES = 20
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_LOCAL = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404


class Manifest(Struct, frozen=True):
    """What a tag names: its digest, and the digest of each platform it is for (`linux/amd64`)."""

    digest: str
    platforms: Mapping[str, str]


class _Answer(Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError("no object")  # noqa: TRY004 - as the reader of JSON says it
        return found


class _SameHost(urllib.request.HTTPRedirectHandler):
    """A blob may lie elsewhere: what we are known by does not go there."""

    def redirect_request(  # noqa: PLR0917 - urllib's own signature
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and urllib.parse.urlsplit(newurl).netloc != urllib.parse.urlsplit(req.full_url).netloc:
            made.headers.pop("Authorization", None)
            made.unredirected_hdrs.pop("Authorization", None)
        return made


def manifest(reference: Reference) -> Manifest:
    """Raises EngineError of the kinds tag-missing (with near tags), auth, no-route and registry."""
    asked = reference.digest or reference.tag
    answer = _ask(reference, f"manifests/{asked}", {"Accept": ", ".join(_MANIFESTS)})
    if answer.status == _NOT_FOUND:
        raise _missing(reference)
    try:
        data = answer.json()
        digest = answer.headers.get("docker-content-digest") or f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if isinstance(data.get("manifests"), list):
            return Manifest(digest, dict(_platforms(data["manifests"])))
        config = _ask(reference, f"blobs/{data['config']['digest']}", {}).json()
        return Manifest(digest, {_platform(config): digest})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _nonsense(reference, "a manifest") from None


def image_id(reference: Reference, platform: str) -> str:
    """The id that engines know what a tag names by: the digest of its configuration. "" where it is for no such
    platform."""
    found = manifest(reference)
    digest = next((one for name, one in found.platforms.items() if f"{name}/".startswith(f"{platform}/")), "")
    if not digest:
        return ""
    answer = _ask(reference, f"manifests/{digest}", {"Accept": ", ".join(_MANIFESTS)})
    try:
        return str(answer.json()["config"]["digest"])
    except (ValueError, KeyError, TypeError):
        raise _nonsense(reference, "a manifest") from None


def environment(reference: Reference, platform: str) -> list[str]:
    """The variables that an image sets, as `NAME=value`; none where it is for no such platform."""
    identity = image_id(reference, platform)
    try:
        data = _ask(reference, f"blobs/{identity}", {}).json() if identity else {}
        return [str(line) for line in (data.get("config") or {}).get("Env") or []]
    except (ValueError, TypeError, AttributeError):
        raise _nonsense(reference, "an image's configuration") from None


def _platforms(entries: list[Any]) -> Iterator[tuple[str, str]]:
    """Of an index; what attests something of an image is for no platform."""
    for entry in entries:
        name = _platform(entry.get("platform") or {})
        if "unknown" not in name:
            yield name, str(entry["digest"])


def _platform(data: Mapping[str, Any]) -> str:
    return "/".join(str(data[key]) for key in ("os", "architecture", "variant") if data.get(key))


def tags(reference: Reference) -> list[str]:
    """Every tag of the repository, as far as 20 pages hold them."""
    found: list[str] = []
    path = "tags/list?n=1000"
    for _ in range(_MOST_PAGES):
        answer = _ask(reference, path, {})
        try:
            found += [str(tag) for tag in answer.json().get("tags") or []]
        except (ValueError, TypeError):
            raise _nonsense(reference, "a list of tags") from None
        following = re.match(r"<[^>]*?/tags/list\?([^>]*)>", answer.headers.get("link", ""))
        if following is None:
            break
        path = f"tags/list?{following[1]}"
    return found


def _ask(reference: Reference, path: str, headers: Mapping[str, str]) -> _Answer:
    """A GET with what the registry wants to know of us. 404 is the caller's; other failures are raised."""
    host = HUB_HOST if reference.registry == HUB else reference.registry
    answer = _get(host, f"/v2/{reference.repository}/{path}", headers)
    known = None
    if answer.status == _UNAUTHORIZED:
        known = login(reference.registry)
        told = _authorization(answer.headers.get("www-authenticate", ""), known, reference)
        answer = (
            _get(host, f"/v2/{reference.repository}/{path}", {**headers, "Authorization": told}) if told else answer
        )
    if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        raise EngineError(refused(reference.registry, known))
    if answer.status not in (_OK, _NOT_FOUND):
        message = f"the registry {reference.registry} answers {answer.status} for {reference.familiar}"
        raise EngineError(Failure("registry", message, "try again later"))
    return answer


def refused(registry: str, known: Login | None) -> Failure:
    """Whose login a registry refused, and where that is kept; never the password."""
    hint = f"`docker login {registry}` (on Podman `podman login {registry}`), or check the image's spelling"
    if known is None:
        return Failure("auth", f"the registry wants a login, and you are not logged in to {registry}", hint)
    return Failure("auth", f"the registry {registry} refuses the login of {known.user}, from {known.where}", hint)


def _authorization(challenge: str, known: Login | None, reference: Reference) -> str:
    """The header that answers a challenge, "" where there is none."""
    scheme = challenge.partition(" ")[0].lower()
    words = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if scheme == "basic":
        return _basic(known) if known is not None else ""
    if scheme != "bearer" or "realm" not in words:
        return ""
    scope = words.get("scope") or f"repository:{reference.repository}:pull"
    return _token(words["realm"], {"service": words.get("service", ""), "scope": scope}, known)


def _basic(known: Login) -> str:
    return "Basic " + base64.b64encode(f"{known.user}:{known.password.reveal()}".encode()).decode()


def _token(realm: str, query: Mapping[str, str], known: Login | None) -> str:
    """What the token service gives; "" where it refuses. It is asked over TLS, or on this machine."""
    parts = urllib.parse.urlsplit(realm)
    if parts.scheme != "https" and not _LOCAL.fullmatch(parts.netloc):
        return ""
    body = None
    headers = {}
    if known is not None and known.is_token:
        form = {
            **query,
            "grant_type": "refresh_token",
            "client_id": "sglaunch",
            "refresh_token": known.password.reveal(),
        }
        body = urllib.parse.urlencode(form).encode()
    else:
        realm = f"{realm}{'&' if parts.query else '?'}{urllib.parse.urlencode(query)}"
        headers = {"Authorization": _basic(known)} if known is not None else {}
    try:
        answer = _open(urllib.request.Request(realm, body, headers))  # noqa: S310 - see above
        found = answer.json() if answer.status == _OK else {}
    except (OSError, ValueError, http.client.HTTPException):
        return ""
    token = found.get("token") or found.get("access_token")
    return f"Bearer {token}" if isinstance(token, str) else ""


def _get(host: str, path: str, headers: Mapping[str, str]) -> _Answer:
    """Over TLS; on this machine plainly too, as docker does."""
    problem: Exception | None = None
    for scheme in ("https", "http") if _LOCAL.fullmatch(host) else ("https",):
        try:
            request = urllib.request.Request(f"{scheme}://{host}{path}", headers=dict(headers))  # noqa: S310 - of these two
            return _open(request)
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = error
    reason = getattr(problem, "reason", problem)
    hint = "check network and proxy; registry_mirrors names another place that has the images of a registry"
    raise EngineError(Failure("no-route", f"the registry {host} cannot be reached: {reason}", hint)) from None


def _open(request: urllib.request.Request) -> _Answer:
    opener = urllib.request.build_opener(_SameHost())
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return _Answer(answer.status, _lowered(answer.headers), answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return _Answer(error.code, _lowered(error.headers), error.read(_MOST_BYTES))


def _lowered(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _missing(reference: Reference) -> EngineError:
    message = f"the registry has no image {reference.familiar}"
    try:
        near = nearest_tags(reference.tag, tags(reference))
    except EngineError:
        near = []
    hint = f"did you mean {' or '.join(near)}?" if near else "check its name and tag"
    return EngineError(Failure("tag-missing", message, hint))


def _nonsense(reference: Reference, what: str) -> EngineError:
    message = f"what the registry {reference.registry} answers for {reference.familiar} is not {what}"
    return EngineError(Failure("registry", message, "try again, or see that this is a registry's address"))
