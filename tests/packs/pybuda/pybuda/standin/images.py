"""Images of compiled devices: `.tti` files that are real tar archives."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import pickle
import shutil
import tarfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pybuda.standin import cards, contract, state
from pybuda.standin.values import BackendDevice, BackendType, DataFormat, DeviceMode

FOLDER = "unzipped_tti"
BINARIES = f"{FOLDER}/backend_build_binaries"  # what the build folder held
VERSION = "1.1.0"
device_class: Any = None  # ttdevice.py puts its class here
ENUMS = {"arch": BackendDevice, "devtype": BackendType, "fp32_fallback": DataFormat}
SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
IN_PICKLE = ("compiler_cfg", "modules", "optimizer", "verify_cfg", "compiled_graph_state")


@dataclass
class CompiledGraphState:
    """What an image knows of the compiled graph."""

    ordered_input_shapes: list[list[int]] = field(default_factory=list)
    ordered_target_shapes: list[list[int]] = field(default_factory=list)
    microbatch: int = 1
    groups: Any = None


class _Behaviour:
    TTI_VERSION = VERSION

    def __post_init__(self) -> None:
        self.pybuda_pip_version_id = importlib.metadata.version("pybuda")
        self.pybuda_commit_hash = self.budabackend_commit_hash = None

    @staticmethod
    def load_from_disk(tti_file_path: str, device_id_overrides: Any) -> Any:
        return load(tti_file_path, device_id_overrides)

    @staticmethod
    def save_to_disk(device_image: Any, tti_file_path: Any, *_: Any, **__: Any) -> None:
        save(device_image, tti_file_path)

    @staticmethod
    def create_device_from_image(image: Any) -> Any:
        return make_device(image)

    def info(self) -> None:
        print(f"Image of {self.device_image_name}: {self.arch}, chips {self.chip_ids}")

    def is_compiled_for_training(self) -> bool:
        return self.training

    def get_input_shapes(self) -> list[list[int]]:
        return self._whole(self.compiled_graph_state.ordered_input_shapes)

    def get_target_shapes(self) -> list[list[int]]:
        return self._whole(self.compiled_graph_state.ordered_target_shapes)

    def _whole(self, shapes: list[list[int]]) -> list[list[int]]:
        rows = self.compiled_graph_state.microbatch
        return [[rows, *shape[1:]] if shape[:1] == [1] else list(shape) for shape in shapes]


contract.NAMES["CompiledGraphState"] = CompiledGraphState
TTDeviceImage = contract.recorded_class("pybuda.TTDeviceImage")(
    contract.dataclass_of("pybuda.TTDeviceImage", __name__, _Behaviour, leave_out=("TTI_VERSION",))
)


def of_device(device: Any, *, training: bool, microbatch_count: int) -> Any:
    """Make the image of a compiled device."""
    config = state.current.config
    graph = device._stage.graph_state
    return TTDeviceImage(
        version=VERSION,
        device_image_name=device.name,
        arch=device.arch,
        devtype=device.devtype,
        chip_ids=device.chip_ids,
        fp32_fallback=device.fp32_fallback,
        optimizer=device.optimizer,
        training=training,
        microbatch_size=graph.microbatch,
        microbatch_count=microbatch_count,
        grid_size=cards.grid(device, config),
        harvested_rows=[],
        compiled_graph_state=graph,
        verify_cfg=None,
        compiler_cfg=config,
        loss_module=device.loss_module.get_name() if device.loss_module else None,
        modules=list(device.modules),
    )


def save(image: Any, path: str | None) -> None:
    """Write the archive; without a path, under `device_images/` of the working folder.

    It holds a copy of the build folder, and the configuration names that from now on.
    """
    if path is None:
        digest = hashlib.sha256(image.device_image_name.encode()).hexdigest()[:12]
        path = f"device_images/tt_{digest}.tti"
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    plain = {
        entry.name: _plain(getattr(image, entry.name))
        for entry in fields(image)
        if entry.name not in IN_PICKLE
    }
    if shutil.which("rsync") is None:
        raise FileNotFoundError("No such file or directory: 'rsync'")  # it copies the build folder
    built = image.compiler_cfg.backend_output_dir
    object.__setattr__(image.compiler_cfg, "backend_output_dir", BINARIES)  # it may be frozen
    rest = {name: getattr(image, name) for name in IN_PICKLE}
    with tarfile.open(target, "w") as archive:
        archive.add(built, BINARIES)
        _add(archive, "device.json", json.dumps(plain, indent=1).encode())
        _add(archive, "state.pkl", _pickled(rest))


def _plain(value: Any) -> Any:
    return value.name if hasattr(value, "name") else value


def _pickled(value: Any) -> bytes:
    """Pickle; modules that only exist in a function go by value, as generated code would."""
    try:
        return pickle.dumps(value)
    except (AttributeError, pickle.PicklingError):
        import cloudpickle

        return cloudpickle.dumps(value)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(f"{FOLDER}/{name}")
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def load(path: str, device_id_overrides: list[int] | None) -> Any:
    """Unpack beside the file, make the image, and take over its compiler configuration."""
    file = Path(path).resolve()
    folder = file.parent / FOLDER
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    mark = folder / "checksum.txt"
    if not mark.is_file() or mark.read_text() != checksum:
        shutil.rmtree(folder, ignore_errors=True)
        with tarfile.open(file) as archive:
            archive.extractall(file.parent, **SAFELY)  # noqa: S202 - the stand-in's own archive
        mark.write_text(checksum)
    image = _image(folder)
    binaries = file.parent / BINARIES
    if device_id_overrides is not None:
        assert len(image.chip_ids) == 1, "Cannot override multi-device TTI image"
        image.chip_ids = [device_id_overrides[0]]
        binaries = _copied_for(binaries, image.chip_ids)
    image.compiler_cfg.backend_output_dir = str(binaries)
    state.current.config = image.compiler_cfg
    return image


def _copied_for(binaries: Path, chip_ids: list[int]) -> Path:
    """Copy the binaries for other chips, unless they were copied before."""
    copy = binaries.with_name(f"{binaries.name}_override_device_{chip_ids[0]}")
    if not copy.exists():
        shutil.copytree(binaries, copy)
    return copy


def _image(folder: Path) -> Any:
    held = json.loads((folder / "device.json").read_text())
    held.update(pickle.loads((folder / "state.pkl").read_bytes()))  # noqa: S301 - see load()
    stamped = {
        entry.name: held.pop(entry.name, None) for entry in fields(TTDeviceImage) if not entry.init
    }
    for name, kind in ENUMS.items():
        held[name] = kind[held[name]]
    try:
        image = TTDeviceImage(**held)
    except TypeError as error:
        raise ValueError(f"TTI failed to deserialize: {error}. Recompile it.") from error
    for name, value in stamped.items():
        setattr(image, name, value)
    return image


def check(image: Any, device: Any) -> None:
    """Raise where the image does not fit the installed wheel, the format or the card's grid."""
    installed = importlib.metadata.version("pybuda")
    assert installed == image.pybuda_pip_version_id, (
        f"Saved image pybuda version {image.pybuda_pip_version_id} does not match {installed}"
    )
    if image.version != VERSION:
        raise ValueError(f"TTI Version mismatch: expected {VERSION}, got {image.version}.")
    cards.settle(device, state.current.config)
    have, need = cards.grid(device, state.current.config), image.grid_size
    wormhole = device.arch == BackendDevice.Wormhole_B0
    assert have[0] >= need[0] if wormhole else have == need, f"Grid-size {have}, image has {need}"


def make_device(image: Any) -> Any:
    """Make the device of an image; wheel, format, card and grid must fit."""
    device = device_class(
        image.device_image_name,
        chip_ids=image.chip_ids,
        arch=image.arch,
        devtype=image.devtype,
        optimizer=image.optimizer,
        fp32_fallback=image.fp32_fallback,
    )
    device.device_mode = DeviceMode.RunOnly
    device.modules = image.modules
    device._image = image
    check(image, device)
    for module in device.modules:
        module.device = device
        if module.get_name() == image.loss_module:
            device.loss_module = module
    return device
