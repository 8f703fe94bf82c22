"""Batches: each image once an epoch however many processes share it, and what augmentation does to it."""

from typing import Any

import pytest
import torch
from netdsl_pytorch.harness.data.batches import Batch, Batches
from netdsl_pytorch.harness.data.datasets import DataSet, load
from netdsl_pytorch.harness.machine.distributed import Group
from netdsl_pytorch.harness.recipe import Recipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load("digits", (1, 8, 8))


def batches(data: DataSet, size: tuple[int, int] = (8, 8), rank: int = 0, ranks: int = 1, **recipe: Any) -> Batches:
    return Batches(data, Recipe(**recipe), size, CPU, Group(rank, ranks))


def all_of(data: DataSet, **recipe: Any) -> Batch:
    """All training images as one batch."""
    return next(batches(data, batch=1437, **recipe).epoch(0))[0]


def test_an_epoch_has_every_image_once_and_no_small_batch(digits: DataSet) -> None:
    steps = [parts[0] for parts in batches(digits, batch=100, seed=3).epoch(5)]
    samples = torch.cat([part.samples for part in steps])
    assert sorted(samples.tolist()) == list(range(1437))
    assert {len(part.labels) for part in steps} == {95, 96}
    again = torch.cat([parts[0].samples for parts in batches(digits, batch=100, seed=3).epoch(5)])
    assert torch.equal(samples, again)
    other = torch.cat([parts[0].samples for parts in batches(digits, batch=100, seed=3).epoch(6)])
    assert not torch.equal(samples, other)


def test_processes_and_parts_share_a_step_without_overlap(digits: DataSet) -> None:
    recipe: dict[str, Any] = {
        "batch": 100,
        "seed": 1,
        "area": (0.3, 1.0),
        "shift": 0.2,
        "photometric": 0.3,
        "flip": True,
    }
    alone = list(batches(digits, **recipe).epoch(2, first=4))
    shares = [list(batches(digits, rank=rank, ranks=3, accumulate=2, **recipe).epoch(2, first=4)) for rank in range(3)]
    for step, (whole,) in enumerate(alone):
        parts = [part for share in shares for part in share[step]]
        assert torch.equal(torch.cat([part.samples for part in parts]), whole.samples)
        assert torch.equal(torch.cat([part.labels for part in parts]), whole.labels)
        # An image is changed in the same way wherever it is computed.
        assert torch.allclose(torch.cat([part.images for part in parts]), whole.images, atol=1e-5)
        assert {part.total for part in parts} == {len(whole.labels)}


def test_each_test_image_belongs_to_one_process(digits: DataSet) -> None:
    shares = [list(batches(digits, rank=rank, ranks=7).test_batches()) for rank in range(7)]
    labels = torch.cat([labels for share in shares for _, labels in share])
    assert torch.equal(labels, digits.test.labels)


def test_images_are_normalised_and_resized(digits: DataSet) -> None:
    images = all_of(digits).images
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images.mean().item() == pytest.approx(0, abs=1e-5)
    assert images.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    assert next(iter(batches(digits, size=(28, 20)).test_batches()))[0].shape[1:] == (1, 28, 20)


def test_images_are_moved_and_mirrored(digits: DataSet) -> None:
    plain, moved = all_of(digits).images, all_of(digits, shift=0.25, flip=True).images
    black = (-digits.mean / digits.std).item()
    seen = set()
    for before, after in zip(plain[:60, 0], moved[:60, 0], strict=True):
        expected = torch.full((12, 12), black)
        expected[2:10, 2:10] = before
        found = _places(expected, after)
        assert found
        seen.add(found[0])
    assert len({down for down, _, _ in seen}) == len({right for _, right, _ in seen}) == 5
    assert len({mirrored for _, _, mirrored in seen}) == 2


def _places(padded: torch.Tensor, image: torch.Tensor) -> list[tuple[int, int, bool]]:
    """Where in `padded` the 8x8 image lies, and whether mirrored."""
    found = []
    for down in range(5):
        for right in range(5):
            part = padded[down : down + 8, right : right + 8]
            found += [
                (down, right, mirrored)
                for mirrored in (False, True)
                if torch.equal(image, part.flip(1) if mirrored else part)
            ]
    return found


def test_boxes_have_the_area_and_the_aspect_asked_for(digits: DataSet) -> None:
    import numpy as np

    augmentation = batches(digits, area=(0.08, 1.0), aspect=(0.75, 4 / 3)).augmentation
    boxes = augmentation.boxes(augmentation.draws(0, np.arange(5000)), 300, 400)
    top, left, height, width = boxes.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 300 + 1e-9).all()
    assert (left + width <= 400 + 1e-9).all()
    share = height * width / (300 * 400)
    assert 0.08 <= share.min() < 0.09
    assert share.max() > 0.9
    aspect = width / height
    assert aspect.min() + 1e-9 >= 0.75
    assert aspect.max() <= 4 / 3 + 1e-9
    # Areas are even between the bounds, as far up as all aspects fit.
    assert np.quantile(share[share < 0.5], 0.5) == pytest.approx(0.29, abs=0.02)
    # An image so narrow that nothing fits is cut in its middle.
    (box,) = augmentation.boxes(augmentation.draws(0, np.array([3])), 1000, 10)
    assert box.tolist() == [495, 0, 10, 10]


def test_a_cut_shows_the_part_of_the_image(digits: DataSet) -> None:
    from netdsl_pytorch.harness.data.augment import _zoomed

    ramp = torch.arange(8.0).repeat(8, 1)[None, None] * 10
    part = _zoomed(ramp, torch.tensor([[2.0, 4.0, 4.0, 4.0]]))
    # Four columns stretched over eight: their middles are at 4.25, 4.75 …
    assert torch.allclose(part[0, 0, 0, 1:7], torch.tensor([42.5, 47.5, 52.5, 57.5, 62.5, 67.5]) - 0.0, atol=5.01)
    whole = _zoomed(ramp, torch.tensor([[0.0, 0.0, 8.0, 8.0]]))
    assert torch.allclose(whole, ramp, atol=1e-4)


def test_colours_stay_bytes_and_grey_stays_grey() -> None:
    from netdsl_pytorch.harness.data.augment import _coloured

    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (3, 3, 4, 4), generator=generator).float()
    assert torch.allclose(_coloured(images, torch.ones(3, 3)), images, atol=1e-3)
    grey = _coloured(images, torch.tensor([[1.0, 1.0, 0.0]] * 3))
    assert torch.allclose(grey[:, 0], grey[:, 2], atol=1e-3)
    bright = _coloured(images, torch.tensor([[1.5, 1.2, 1.0]] * 3))
    assert 0 <= bright.min() <= bright.max() <= 255
    assert torch.allclose(_coloured(images, torch.tensor([[0.5, 1.0, 1.0]] * 3)), images / 2, atol=1e-3)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_images_are_blended_with_their_labels(digits: DataSet, kind: str) -> None:
    plain, mixed = all_of(digits), all_of(digits, **{kind: 1.0})
    assert mixed.others is not None
    assert mixed.share is not None
    assert torch.equal(mixed.others, plain.labels.flip(0))
    share = mixed.share.view(-1, 1, 1, 1)
    assert 0 <= share.min() < 0.1 < 0.9 < share.max() <= 1
    if kind == "mixup":
        assert torch.allclose(mixed.images, share * plain.images + (1 - share) * plain.images.flip(0), atol=1e-5)
        return
    own, other = mixed.images == plain.images, mixed.images == plain.images.flip(0)
    assert (own | other).all()
    # At most that many pixels are its own by chance, and at least those that were not pasted over.
    assert (own.float().mean(dim=(1, 2, 3)) >= mixed.share - 1e-6).all()
