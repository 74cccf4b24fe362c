"""Static facts of formats other than pickle: the honest side; the hostile one is in the corpus."""

from __future__ import annotations

import json

import pytest
from honest_corpus import TORCH_STATE, torch_zip, zipped
from hostile_corpus import gguf, onnx, safetensors, skops

from trustkit.models.scanning import scan

LAYER = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"activation": "relu"},
    "registered_name": None,
}
TENSOR = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (onnx(), "onnx"),
        (gguf("{% for message in messages %}{{ message.content }}{% endfor %}"), "gguf"),
        (safetensors({"a": TENSOR, "__metadata__": {"a": "b"}}, bytes(4)), "safetensors"),
        (b"\x89HDF\r\n\x1a\n" + bytes(9) + json.dumps({"layers": [LAYER]}).encode(), "hdf5"),
        (json.dumps({"layers": [LAYER]}).encode(), "json"),
        (zipped({"config.json": json.dumps({"layers": [LAYER]}).encode()}), "zip"),
        (torch_zip(), "zip"),
        (b"name: model\nchannels:\n  - defaults\n", "text"),
        (b"\x08\x01\x12\x05hello", "savedmodel"),
    ],
)
def test_honest_files(content: bytes, kind: str) -> None:
    report = scan(content)
    assert (report.verdict, report.findings) == ("allowed", ())
    assert kind in report.facts["kinds"]


@pytest.mark.end_to_end
def test_versions(honest) -> None:
    versions: dict[str, set[str]] = {}
    for file in honest:
        for package, seen in scan(file.content).facts["versions"].items():
            versions.setdefault(package, set()).update(seen)
    assert {"scikit-learn", "skops", "lightgbm", "xgboost", "skl2onnx"} <= set(versions)


def test_persistent_ids_are_for_torch_alone() -> None:
    assert scan(TORCH_STATE).verdict == "incomplete"
    assert scan(zipped({"m/data.pkl": TORCH_STATE})).verdict == "allowed"


def test_skops_types_are_judged_by_the_same_list() -> None:
    node = {
        "__module__": "sklearn.tree._classes",
        "__class__": "DecisionTreeClassifier",
        "__loader__": "ObjectNode",
    }
    assert scan(skops(node)).verdict == "allowed"
    assert scan(skops({**node, "__class__": "Unknown"})).verdict == "unknown import"


def test_text_passes_beside_a_model_only(tmp_path) -> None:
    prose = "Some words about a model, in no format at all.\n"
    assert scan(prose.encode()).verdict == "incomplete"
    (tmp_path / "README.md").write_text(prose)
    assert scan(tmp_path).verdict == "allowed"
