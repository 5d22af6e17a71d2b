"""`rechroma compare` and `rechroma votes`: several models on the same photographs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from rechroma.imaging import read_rgb_thumbnail
from tests.support.command import MakePhoto, Run
from tests.support.models import write_constant_model, write_model
from tests.support.shards import synthetic_image, write_shard

RECIPE = """
steps = 2
batch_size = 2
workers = 0
threads = 1
crops.sizes = [32]
loss.bins = 0.0
loss.classes = 0.5
validation.interval = 2
network.name = "inception-unet"
network.options = {widths = [16, 16, 16, 16], classes = 2}
"""

SAVED = "2026-11-30T12:00:00.000Z"


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_shard(tmp_path / "val.tar", 4, classes=2)


@pytest.fixture
def vivid(tmp_path: Path) -> Path:
    return write_model(tmp_path / "vivid.onnx")


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    return write_constant_model(tmp_path / "calm.onnx", (0.0, 0.0))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The true colors of the shard at half the size and too dark, as results of another program."""
    folder = tmp_path / "results"
    folder.mkdir()
    for number in range(4):
        half = cv2.resize(synthetic_image(number)[..., ::-1], (32, 24))
        cv2.imwrite(str(folder / f"{number:05}.png"), half // 2)
    return folder


def write_key(path: Path) -> None:
    """Write the key of a page "s" on which images 1 and 2, and 3 and 4, are pairs."""
    images = {
        str(number): {"model": "a|b" if number % 2 else "c", "photograph": f"p{(number + 1) // 2}"}
        for number in range(1, 5)
    }
    key = {"format": 1, "study": "s", "images": images, "questions": [["1", "2"], ["3", "4"]]}
    path.write_text(json.dumps(key))


def table(text: str) -> list[dict[str, str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    header, _, *lines = rows
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_table_ranks_models_between_gray_and_truth(
    run: Run, shard: Path, vivid: Path, calm: Path
) -> None:
    done = run("compare", calm, vivid, shard)
    assert done.exit_code == 0, done.output
    gray, first, second, truth = table(done.output)
    assert (gray[""], truth[""]) == ("gray", "truth")
    assert {first[""], second[""]} == {"calm", "vivid"}
    assert float(first["balanced AuC"]) >= float(second["balanced AuC"])
    calmer = first if first[""] == "calm" else second
    assert calmer["CIEDE2000"] == pytest.approx(gray["CIEDE2000"])
    assert gray["MB"] == gray["license"] == ""
    assert float(first["s"]) >= 0
    assert float(first["memory MB"]) > 20
    assert first["license"] == "Apache-2.0"
    assert "crops" not in first


def test_table_includes_the_cost_of_training(run: Run, shard: Path, vivid: Path) -> None:
    folder = shard.parent
    (folder / "recipe.toml").write_text(RECIPE)
    data = [f"--set=data.{name}={shard}" for name in ("train", "val")]
    assert run("train", "recipe.toml", "-o", "runs/mine", *data).exit_code == 0
    early = run("compare", "runs/mine", shard)
    assert "checkpoint.pt is a checkpoint, not a color model: export it first" in early.output
    command = early.stderr.splitlines()[-1].removeprefix("hint: rechroma ")
    exported = run(*command.split())
    assert exported.exit_code == 0, exported.output
    done = run("compare", vivid, "runs/mine", shard, "--limit", 2)
    assert done.exit_code == 0, done.output
    rows = {row[""]: row for row in table(done.output)}
    assert rows["mine"]["crops"] == "4"
    assert float(rows["mine"]["labels"]) in {0, 25, 50, 75, 100}
    assert rows["vivid"]["crops"] == ""
    answer = json.loads(run("compare", "runs/mine", shard, "--json").output)["rows"]
    assert answer["mine"]["training"]["images"] == 4
    assert answer["mine"]["weights"] > 10_000
    assert answer["truth"]["metrics"]["hue_hit"] == 100


def test_finished_results_are_compared_at_the_true_lightness(
    run: Run, shard: Path, vivid: Path, results: Path
) -> None:
    done = run("compare", vivid, f"other={results}", shard, "--json", "-o", "page.html")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert list(rows) == ["gray", "other", "vivid", "truth"]
    other = rows["other"]
    assert other["metrics"]["hue_hit"] > rows["vivid"]["metrics"]["hue_hit"] + 20
    assert other["metrics"]["lightness_shift"] < 0.5
    assert other["discarded_lightness"] > 10
    assert other["seconds"] == other["weights"] == 0
    assert f"{other['discarded_lightness']:.1f} L* on average" in Path("page.html").read_text()


def test_photographs_without_truth_leave_metrics_out(
    run: Run, vivid: Path, calm: Path, photo: MakePhoto
) -> None:
    for name in ("photos/a.jpg", "photos/b.png", "photos/a.color.jpg"):
        photo(name)
    Path("photos/notes.txt").write_text("not a photograph")
    Path("photos/._a.jpg").write_bytes(b"the companion file of a Mac")
    done = run("compare", vivid, calm, "photos", "-o", "page.html")
    assert done.exit_code == 0, done.output
    assert "metrics that need it are left out" in done.stderr
    rows = table(done.stdout)
    assert [row[""] for row in rows] == ["vivid", "calm"]
    assert "CIEDE2000" not in rows[0]
    assert float(rows[0]["CF abs"]) > float(rows[1]["CF abs"]) + 5
    page = Path("page.html").read_text("utf-8")
    assert "metrics that need them are left out" in page
    assert "2 photographs" in page
    assert "worst: " not in page


def test_damaged_photographs_are_left_out_and_named(
    run: Run, vivid: Path, calm: Path, photo: MakePhoto
) -> None:
    for name in ("photos/a.jpg", "photos/cut.jpg", "photos/z.png"):
        photo(name)
    cut = Path("photos/cut.jpg")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    Path("photos/text.png").write_text("no photograph")
    done = run("compare", vivid, calm, "photos", "--json", "-o", "page.html")
    assert done.exit_code == 1, done.output
    answer = json.loads(done.stdout)
    assert answer["photographs"] == 2
    assert [reason.split(":")[0] for reason in answer["left_out"]] == [
        "photos/cut.jpg",
        "photos/text.png",
    ]
    assert done.stderr.count("rechroma: error: ") == 2
    page = Path("page.html").read_text("utf-8")
    assert all(reason in page for reason in answer["left_out"])
    blind = run("compare", vivid, calm, "photos", "--blind", "-o", "blind.html")
    assert blind.exit_code == 1, blind.output
    assert "pairs to vote on: 2" in blind.stdout
    for name in ("a.jpg", "z.png"):
        Path("photos", name).write_text("no photograph")
    none = run("compare", vivid, calm, "photos")
    assert none.exit_code == 65
    assert "none of the photographs can be used" in none.stderr


def test_damaged_results_leave_their_photographs_out(
    run: Run, shard: Path, calm: Path, results: Path
) -> None:
    whole = (results / "00001.png").read_bytes()
    (results / "00001.png").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(results / "00002.png"), np.zeros((24, 24, 3), np.uint8))
    done = run("compare", calm, f"other={results}", shard, "--json", "-o", "page.html")
    assert done.exit_code == 1, done.output
    answer = json.loads(done.stdout)
    assert answer["photographs"] == 2
    damaged, distorted = answer["left_out"]
    assert damaged.startswith(f"{results / '00001.png'}: the image is damaged")
    assert "is 24 x 24 pixels, not in the shape of the photograph (64 x 48)" in distorted
    assert done.stderr.count("rechroma: error: ") == 2
    assert answer["rows"]["other"]["discarded_lightness"] > 5
    page = Path("page.html").read_text("utf-8")
    assert page.count("<figure") == 2
    assert "Left out" in page


def test_a_damaged_photograph_needs_no_result(
    run: Run, calm: Path, photo: MakePhoto, results: Path
) -> None:
    for name in ("00000", "00001"):
        photo(f"photos/{name}.png", size=(64, 48))
    Path("photos/zz.png").write_text("no photograph")
    done = run("compare", calm, f"other={results}", "photos", "--json")
    assert done.exit_code == 1, done.output
    assert json.loads(done.stdout)["photographs"] == 2
    photo("photos/zz.png", size=(64, 48))
    missing = run("compare", calm, f"other={results}", "photos")
    assert missing.exit_code == 65
    assert "photographs without a result: 1, such as zz" in missing.stderr


@pytest.mark.parametrize("words", [(), ("--blind", "-o", "blind.html")])
def test_each_photograph_is_decoded_once(
    run: Run,
    calm: Path,
    vivid: Path,
    photo: MakePhoto,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    for name in "abc":
        photo(f"photos/{name}.png")
    decoded: list[str] = []

    def count(path: Path, side: int) -> np.ndarray:
        decoded.append(path.name)
        return read_rgb_thumbnail(path, side)

    monkeypatch.setattr("rechroma.evaluation.photo_folder.read_rgb_thumbnail", count)
    assert run("compare", calm, vivid, "photos", *words).exit_code == 0
    assert decoded == ["a.png", "b.png", "c.png"]


def test_a_folder_of_color_photographs_can_be_the_truth(
    run: Run, vivid: Path, results: Path
) -> None:
    done = run("compare", vivid, results, "--truth", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["ground_truth"]
    assert answer["rows"]["truth"]["metrics"]["hue_hit"] == 100


def test_a_pattern_without_quotes_names_several_shards(run: Run, vivid: Path) -> None:
    shards = [write_shard(vivid.parent / f"v-{n}.tar", 2, first=2 * n) for n in range(2)]
    done = run("compare", vivid, *shards, "--json")
    assert json.loads(done.stdout)["photographs"] == 4


def test_page_shows_best_and_worst_of_each_model(
    run: Run, shard: Path, vivid: Path, calm: Path
) -> None:
    done = run("compare", vivid, calm, shard, "-o", "new/page.html")
    assert done.exit_code == 0, done.output
    page = Path("new/page.html").read_text("utf-8")
    groups = re.findall(r"<option>(.*?)</option>", page)
    assert set(groups) == {
        *("examples", "best: vivid", "worst: vivid", "best: calm", "worst: calm"),
    }
    assert page.count("<figure") == 4
    assert page.count('src="data:image/jpeg;base64,') == 4 * 4


def test_votes_on_a_blind_page_are_ranked(run: Run, shard: Path, vivid: Path, calm: Path) -> None:
    done = run("compare", vivid, calm, shard, "--blind", "-o", "blind.html", "--seed", 3)
    assert done.exit_code == 0, done.output
    page = Path("blind.html").read_text("utf-8")
    assert not re.search(r'vivid|calm|"0000', page)
    study = json.loads(page.split('id="study">')[1].split("</script>")[0])
    images = json.loads(Path("blind.key.json").read_text())["images"]
    assert len(study["questions"]) == 4
    for voter in range(3):
        votes = []
        for left, right in study["questions"]:
            choice = "left" if images[left]["model"] == "vivid" else "right"
            votes.append({"left": left, "right": right, "choice": choice})
        votes[0]["choice"] = "none"
        content = {"format": 1, "study": study["id"], "voter": str(voter), "saved": SAVED}
        content["votes"] = votes
        Path(f"votes-{voter}.json").write_text(json.dumps(content))
    files = [f"votes-{voter}.json" for voter in (0, 1, 2, 0)]  # one of them twice
    done = run("votes", "--key", "blind.key.json", *files)
    assert done.exit_code == 0, done.output
    first, scores, wins = done.stdout.split("\n\n")
    assert first == "Votes: 12"
    assert [(row[""], row["wins"], row["ties"]) for row in table(scores)] == [
        ("vivid", "9", "3"),
        ("calm", "0", "3"),
    ]
    assert table(wins.rstrip())[0] == {"wins over": "vivid", "vivid": "", "calm": "9"}
    answer = json.loads(run("votes", "--key", "blind.key.json", *files, "--json").stdout)
    assert answer["scores"]["vivid"]["low"] < answer["scores"]["vivid"]["score"]


def test_seed_shuffles_pairs_and_sides(run: Run, shard: Path, vivid: Path, calm: Path) -> None:
    orders = []
    for number, seed in enumerate((1, 1, 2)):
        run("compare", vivid, calm, shard, "--blind", "-o", f"{number}.html", "--seed", seed)
        key = json.loads(Path(f"{number}.key.json").read_text())
        orders.append([[key["images"][image] for image in pair] for pair in key["questions"]])
        assert key["seed"] == seed
    assert orders[0] == orders[1] != orders[2]


def test_a_blind_page_does_not_contain_its_salt_or_seed(
    run: Run, shard: Path, vivid: Path, calm: Path
) -> None:
    keys, names = [], []
    for number in range(2):
        run("compare", vivid, calm, shard, "--blind", "-o", f"{number}.html", "--limit", 1)
        keys.append(json.loads(Path(f"{number}.key.json").read_text()))
        page = Path(f"{number}.html").read_text("utf-8")
        study = json.loads(page.split('id="study">')[1].split("</script>")[0])
        assert set(study) == {"id", "questions", "images"}
        assert not re.search(f"{keys[-1]['salt']}|{keys[-1]['seed']}", page)
        names.append(set(study["images"]))
    assert not names[0] & names[1]
    assert keys[0]["salt"] != keys[1]["salt"]
    assert keys[0]["seed"] != keys[1]["seed"]


def test_study_id_depends_on_the_images(
    run: Run, shard: Path, calm: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechroma.evaluation.blind.secrets.token_bytes", bytes)  # no salt
    words = ("compare", calm, f"other={results}", shard, "--blind", "--seed", 1, "--overwrite")
    keys = []
    for brightness in (None, None, 40):
        if brightness:
            cv2.imwrite(str(results / "00000.png"), np.full((24, 32, 3), (200, 40, 40), np.uint8))
        assert run(*words, "-o", "blind.html").exit_code == 0
        keys.append(json.loads(Path("blind.key.json").read_text()))
    assert keys[0] == keys[1]
    assert keys[1]["questions"] == keys[2]["questions"]
    assert keys[1]["study"] != keys[2]["study"]


@pytest.mark.parametrize("existing", ["blind.html", "blind.key.json"])
def test_existing_page_and_key_need_overwrite(
    run: Run, shard: Path, vivid: Path, calm: Path, existing: str
) -> None:
    Path(existing).write_text("old")
    words = ("compare", vivid, calm, shard, "--blind", "-o", "blind.html", "--limit", 1)
    refused = run(*words)
    assert refused.exit_code == 73
    assert f"{existing} already exists" in refused.stderr
    assert Path(existing).read_text() == "old"
    assert run(*words, "--overwrite").exit_code == 0
    assert Path(existing).read_text() != "old"


def test_existing_comparison_page_needs_overwrite(run: Run, shard: Path, calm: Path) -> None:
    Path("page.html").write_text("old")
    refused = run("compare", calm, shard, "-o", "page.html")
    assert refused.exit_code == 73
    assert "hint: Choose another name, or replace it with --overwrite." in refused.stderr
    assert Path("page.html").read_text() == "old"
    assert run("compare", calm, shard, "-o", "page.html", "--overwrite").exit_code == 0
    assert "<html" in Path("page.html").read_text()


def test_inputs_are_never_replaced(
    run: Run, shard: Path, calm: Path, results: Path, photo: MakePhoto
) -> None:
    picture = photo("a=b/p.jpg")
    Path("link.html").symlink_to(picture)
    for words in (
        (calm, "a=b", "-o", picture),
        (calm, "a=b", "-o", "link.html"),
        (calm, "a=b", "-o", calm),
        (calm, shard, "-o", shard),
        (calm, shard.parent / "v*.tar", "-o", shard),
        (calm, f"other={results}", shard, "-o", results / "00001.png"),
    ):
        content = {path: path.read_bytes() for path in (picture, calm, shard)}
        refused = run("compare", *words, "--overwrite")
        assert refused.exit_code == 73, refused.output
        assert "is one of the inputs, which are never replaced" in refused.stderr
        assert "--overwrite" not in refused.stderr
        assert content == {path: path.read_bytes() for path in content}


def test_errors_end_in_one_line(
    run: Run, shard: Path, vivid: Path, calm: Path, results: Path
) -> None:
    twice = run("compare", vivid, vivid, shard)
    assert twice.exit_code == 2
    assert "'vivid' is the name of more than one row of the table" in twice.output
    reserved = run("compare", f"truth={results}", shard)
    assert reserved.exit_code == 2
    assert "'truth' is reserved for one row of the table" in reserved.output
    assert "'' is not a name for one row" in run("compare", f"={results}", shard).output
    assert "there is no model 'absent'" in run("compare", "absent", shard).output
    (shard.parent / "gray").mkdir()
    write_model(shard.parent / "gray/model.onnx")
    assert run("compare", "gray", shard).exit_code == 2
    absent = run("compare", "x=absent", shard)
    assert absent.exit_code == 66
    assert "no folder absent" in absent.output
    for data in ("absent/", vivid):
        unknown = run("compare", calm, data)
        assert unknown.exit_code == 66
        assert "neither shards (.tar) nor a folder of photographs" in unknown.output
    assert "name a model and the photographs" in run("compare", shard, shard).output
    one = run("compare", vivid, shard, "--blind", "-o", "blind.html")
    assert "--blind needs at least two models" in one.output
    for option in (("--seed", "1"), ("--truth",), ("--blind", "--truth", "-o", "x.html")):
        unused = run("compare", vivid, calm, shard, *option)
        assert unused.exit_code == 2
        assert f"{'--truth' if '--truth' in option else '--seed'} is for" in unused.output
    negative = run("compare", vivid, calm, shard, "--blind", "-o", "x.html", "--seed=-1")
    assert negative.exit_code == 2
    assert "-1 is not in the range x>=0" in negative.output
    assert "give its file with -o" in run("compare", vivid, vivid, shard, "--blind").output
    (results / "00002.png").unlink()
    missing = run("compare", f"other={results}", shard)
    assert "photographs without a result: 1, such as 00002" in missing.output
    cv2.imwrite(str(results / "00002.png"), np.zeros((24, 24, 3), np.uint8))
    distorted = run("compare", f"other={results}", shard)
    assert "is 24 x 24 pixels, not in the shape of the photograph (64 x 48)" in distorted.output
    broken = shard.parent / "broken.onnx"
    broken.write_bytes(b"not a model")
    unusable = run("compare", vivid, broken, shard, "-o", "page.html")
    assert unusable.exit_code == 78
    assert not Path("page.html").exists()


def test_votes_of_another_page_are_refused(run: Run) -> None:
    write_key(Path("key.json"))
    votes = {"format": 1, "study": "s", "voter": "v", "saved": SAVED, "votes": []}
    itself = {"left": "1", "right": "1", "choice": "left"}
    across = {"left": "1", "right": "4", "choice": "left"}
    for content, words in (
        (votes | {"study": "t"}, "these votes were saved by a different page"),
        (votes | {"votes": [{"left": "9"}]}, "the votes are damaged"),
        (votes | {"votes": [itself]}, "the votes are damaged"),
        (votes | {"votes": [across]}, "the votes are damaged"),
        (votes | {"votes": 1}, "the votes are damaged"),
        (votes | {"saved": "yesterday"}, "the votes are damaged"),
        (votes | {"saved": 1}, "the votes are damaged"),
        (votes, "there are no votes"),
        ([], "not votes saved by the page"),
    ):
        Path("votes.json").write_text(json.dumps(content))
        refused = run("votes", "--key", "key.json", "votes.json")
        assert refused.exit_code == 65, refused.output
        assert words in refused.output
    assert "absent.json: cannot be read" in run("votes", "--key", "key.json", "absent.json").output
    Path("key.bin").write_bytes(b"GIF89a\x80\x90")
    binary = run("votes", "--key", "key.bin", "votes.json")
    assert binary.exit_code == 65
    assert "key.bin: not text" in binary.stderr
    assert "hint: Give a key of 'rechroma compare --blind'." in binary.stderr


@pytest.mark.parametrize("swapped", [False, True])
def test_file_saved_last_replaces_the_earlier_one_whole(run: Run, swapped: bool) -> None:
    write_key(Path("key.json"))
    first, second = (["1", "2"], ["3", "4"])
    for name, saved, pairs, choice in (
        ("v.json", "2026-11-30T09:59:59.999Z", (first, second), "right"),
        ("v (1).json", "2026-11-30T12:00:00+02:00", (first,), "left"),
    ):
        votes = [{"left": left, "right": right, "choice": choice} for left, right in pairs]
        content = {"format": 1, "study": "s", "voter": "v", "saved": saved, "votes": votes}
        Path(name).write_text(json.dumps(content))
    files = ["v.json", "v (1).json"][:: -1 if swapped else 1]
    done = run("votes", "--key", "key.json", *files, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["votes"] == 1
    assert answer["wins"] == {"a|b": {"c": 1}, "c": {"a|b": 0}}
    assert r"| a\|b | " in run("votes", "--key", "key.json", *files).stdout
