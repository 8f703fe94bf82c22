"""`netdsl compile`: what is written, and what is never overwritten."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from netdsl_pytorch.backend import PyTorch

from netdsl.backend import Artifact, Job
from tests.cli.conftest import Ran

Run = Callable[..., Ran]

SPEC = """\
net Small(width = 4) {
    input image: 3x8x8
    x: conv(width, 3x3)
    output y = globalavgpool() -> linear(10)
    train output aux = x -> globalavgpool() -> linear(10) weight 0.3
    expect params == 162
}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.net").write_text(SPEC, encoding="utf-8")
    return tmp_path / "small.net"


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_file_is_written(netdsl: Run, spec: Path) -> None:
    ran = netdsl("compile", "small.net", "-o", "small.py")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("wrote small.py: small, ")
    text = Path("small.py").read_text(encoding="utf-8")
    assert text.startswith('"""Small, compiled by netdsl')
    assert "def small(" in text
    assert sorted(listing(spec.parent)) == ["small.net", "small.py"]


def test_standard_output_gets_the_same_bytes(netdsl: Run, spec: Path) -> None:
    netdsl("compile", "small.net", "-o", "small.py")
    ran = netdsl("compile", "small.net")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.encode() == Path("small.py").read_bytes()
    assert netdsl("compile", "small.net", "-o", "-").out == ran.out
    piped = netdsl("compile", "-", stdin=SPEC.encode())
    assert piped.code == 0
    assert "compiled by netdsl" in piped.out.splitlines()[0]


def test_it_starts_without_torch(spec: Path) -> None:
    script = "import sys; from netdsl.cli.main import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    ran = subprocess.run(
        [sys.executable, "-c", script, "compile", "small.net", "--no-verify", "-o", "small.py"],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Has the compiler write something else in place of a text: a fault of its own."""

    def breaks(before: str, after: str) -> None:
        def emit(self: PyTorch, job: Job) -> Artifact:
            artifact = real(self, job)
            assert before.encode() in artifact.only
            files = {name: each.replace(before.encode(), after.encode()) for name, each in artifact.files.items()}
            return artifact._replace(files=files)

        monkeypatch.setattr(PyTorch, "emit", emit)

    real = PyTorch.emit
    return breaks


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("def forward(self", "def forward(self, self", "the file is a program of Python: line "),
        ("nn.Linear(", "nn.Linear(1 + ", "the keys and shapes of the state_dict: `"),
        ("nn.Conv2d(", "nn.Conf2d(", "the file runs, and its factory makes a module: AttributeError: "),
        ("(width=width", "(width=4", "other arguments: `width=5`: "),
    ],
)
@pytest.mark.parametrize("target", ["small.py", "-"])
def test_what_is_wrong_is_not_written(
    netdsl: Run, spec: Path, broken: Callable[[str, str], None], before: str, after: str, says: str, target: str
) -> None:
    broken(before, after)
    ran = netdsl("compile", "small.net", "-o", target)
    assert (ran.code, ran.out) == (3, "")
    assert f"is not written: {says}" in ran.err
    assert "this is a fault of netdsl" in ran.err
    assert "Traceback" not in ran.err
    assert sorted(listing(spec.parent)) == ["small.net"]


def test_what_is_no_program_is_never_written(
    netdsl: Run, spec: Path, broken: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken("nn.Linear(", "nn.Linear(1 + ")
    assert netdsl("compile", "small.net", "-o", "small.py", "--no-verify").code == 0
    Path("small.py").unlink()
    broken("def forward(self", "def forward(self, self")
    ran = netdsl("compile", "small.net", "-o", "small.py", "--no-verify")
    assert ran.code == 3
    assert "`--no-verify`" not in ran.err
    assert sorted(listing(spec.parent)) == ["small.net"]


def test_heads_are_left_out_on_request(netdsl: Run, spec: Path) -> None:
    assert "aux" in netdsl("compile", "small.net").out
    assert "aux" not in netdsl("compile", "small.net", "--inference").out


def test_parameters_are_set(netdsl: Run, spec: Path) -> None:
    ran = netdsl("compile", "small.net", "--param", "width=8", "-o", "wide.py")
    assert ran.code == 0
    assert "note: a contract or budget does not hold for the network as changed" in ran.err
    assert (
        "width: int = 8" in Path("wide.py").read_text(encoding="utf-8") or "8" in ran.out + Path("wide.py").read_text()
    )


def test_what_we_wrote_is_written_again(netdsl: Run, spec: Path) -> None:
    netdsl("compile", "small.net", "-o", "small.py")
    spec.write_text(SPEC.replace("linear(10)", "linear(5)").replace("162", "137"), encoding="utf-8")
    assert netdsl("compile", "small.net", "-o", "small.py").code == 0
    assert "5)" in Path("small.py").read_text(encoding="utf-8")


def test_what_was_edited_is_not_overwritten(netdsl: Run, spec: Path) -> None:
    netdsl("compile", "small.net", "-o", "small.py")
    ours = Path("small.py").read_text(encoding="utf-8")
    edited = ours.replace("class Small", "# mine\nclass Small")
    Path("small.py").write_text(edited, encoding="utf-8")
    before = listing(spec.parent)
    ran = netdsl("compile", "small.net", "-o", "small.py")
    assert (ran.code, ran.out) == (2, "")
    assert "`small.py` was edited since netdsl wrote it" in ran.err
    assert "--force" in ran.err
    assert listing(spec.parent) == before
    assert netdsl("compile", "small.net", "-o", "small.py", "--force").code == 0
    assert Path("small.py").read_text(encoding="utf-8") == ours


@pytest.mark.parametrize("content", [b"print('mine')\n", b"", b"\x00\xff"])
def test_what_others_wrote_is_not_overwritten(netdsl: Run, spec: Path, content: bytes) -> None:
    Path("mine.py").write_bytes(content)
    ran = netdsl("compile", "small.net", "-o", "mine.py")
    assert (ran.code, ran.out) == (2, "")
    assert "`mine.py` exists, and netdsl did not write it" in ran.err
    assert Path("mine.py").read_bytes() == content


def test_the_spec_itself_is_not_overwritten(netdsl: Run, spec: Path) -> None:
    assert netdsl("compile", "small.net", "-o", "small.net").code == 2
    assert spec.read_text(encoding="utf-8") == SPEC


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere/small.py", "there is no folder `nowhere`"),
        (".", "it is a folder"),
    ],
)
def test_a_target_that_cannot_be(netdsl: Run, spec: Path, target: str, says: str) -> None:
    ran = netdsl("compile", "small.net", "-o", target)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert sorted(listing(spec.parent)) == ["small.net"]


@pytest.mark.parametrize(
    ("old", "new", "code"), [("conv(", "convv(", "E0102"), ("== 162", "== 163", "E0402"), ("3x3)", "9x9)", "E0303")]
)
def test_nothing_is_written_for_a_spec_with_errors(netdsl: Run, spec: Path, old: str, new: str, code: str) -> None:
    spec.write_text(SPEC.replace(old, new), encoding="utf-8")
    ran = netdsl("compile", "small.net", "-o", "small.py")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error[{code}]")
    assert sorted(listing(spec.parent)) == ["small.net"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_links_and_permissions_are_kept(netdsl: Run, spec: Path) -> None:
    netdsl("compile", "small.net", "-o", "real.py")
    Path("real.py").chmod(0o640)
    Path("link.py").symlink_to("real.py")
    assert netdsl("compile", "small.net", "-o", "link.py").code == 0
    assert Path("link.py").is_symlink()
    assert stat.S_IMODE(Path("real.py").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="there is no /dev/null")
def test_a_device_is_written_to(netdsl: Run, spec: Path) -> None:
    assert netdsl("compile", "small.net", "-o", os.devnull).code == 0
    assert not Path(os.devnull).is_file()


def test_it_says_why_a_block_is_two_classes_and_a_parameter_no_argument(spec: Path, netdsl: Run) -> None:
    spec.write_text(
        "block B(norm) { norm() -> add(in) }\n"
        "net Small(times = 2) {\n"
        "    input x: 4x4x4\n"
        "    B(batchnorm) -> B(groupnorm(2)) -> B(batchnorm(eps = 0.1))\n"
        "    repeat times { relu() }\n"
        "    output y = identity()\n"
        "}\n"
    )
    ran = netdsl("compile", "small.net", "-o", "small.py", "--explain", "--no-verify")
    assert ran.code == 0
    assert ran.err.splitlines()[1:] == [
        "block `B` is 2 classes:",
        "  B for `b1`, `b3`",
        "  B2 for `b2`",
        "  since a part is called `batchnorm1` and `groupnorm1` (small.net:1:17): B | B2",
        "the factory has no `times`: a loop is written out turn by turn (small.net:5:5)",
    ]


def test_there_may_be_nothing_to_explain(spec: Path, netdsl: Run) -> None:
    ran = netdsl("compile", "small.net", "-o", "small.py", "--explain", "--no-verify")
    assert ran.err.splitlines()[1:] == ["nothing to explain"]
