"""The images that sglaunch made: builds and snapshots, and which images containers were made of."""

from __future__ import annotations

from sglaunch.convert.from_inspect import container, is_container, local_image
from sglaunch.engine.protocol import Engine
from sglaunch.plain import replace
from sglaunch.plan.observation import LocalImage, Project
from sglaunch.spec.labels import BUILT, SNAPSHOT


def own_images(engine: Engine, project: Project) -> list[LocalImage]:
    """Of a project and its owner, newest first."""
    labels = [f"{BUILT}.project={project.name}", f"{SNAPSHOT}.project={project.name}"]
    ids = dict.fromkeys(one for label in labels for one in engine.labelled_images(label))
    data = engine.inspect([_asked(one) for one in ids], size=False)
    images = [_image(one, engine) for one in data.values() if not is_container(one)]
    mine = [one for one in images if one.owner in ("", str(project.owner))]
    return sorted([*mine, *_unlabelled(engine, project)], key=lambda one: one.created, reverse=True)


def _unlabelled(engine: Engine, project: Project) -> list[LocalImage]:
    """Snapshots on an engine whose commit sets no labels go by their names."""
    if engine.capabilities.blanks:
        return []
    names = [name for name, _, _ in engine.snapshots(project.name)]
    data = engine.inspect(names, size=False)
    return [replace(_image(one, engine), snapshot=project.name) for one in data.values() if not is_container(one)]


def _image(data: object, engine: Engine) -> LocalImage:
    assert isinstance(data, dict)
    return local_image(data, engine.capabilities)


def _asked(identity: str) -> str:
    """With its algorithm, so that no container is meant."""
    return identity if identity.startswith("sha256:") else f"sha256:{identity}"


def used_images(engine: Engine) -> set[str]:
    """Ids and names of the images that some container, of whomever, was made of."""
    found = [container(one) for one in engine.inspect(engine.every_id(), size=False).values()]
    return {one.image_id for one in found} | {one.image_ref for one in found}
