"""The command line: exit codes, sentences instead of tracebacks, a fast start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import copy_cohort, write_experiment
from lumbago import cli
from lumbago.store import Store

QUICK = (
    ("permutations: 10", "permutations: 0"),
    ("  edges: {kind: connectome, atlas: dosenbach160, band: [0.01, 0.1]}\n", ""),
    ("  forest: {kind: random_forest, n_estimators: 10, features: [alff]}\n", ""),
    ("n_repeats: 2", "n_repeats: 1"),
)


def call(*arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    return cli._exit_code([str(a) for a in arguments])


def lumbago(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lumbago.cli", *map(str, arguments)],
        capture_output=True, text=True, check=False, **settings,
    )  # fmt: skip


def test_help_imports_no_heavy_library():
    code = (
        "import sys\n"
        "from lumbago import cli\n"
        "assert cli._exit_code(['--help']) == 0\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'sklearn', 'nilearn', 'nibabel', 'matplotlib',\n"
        "         'pydantic', 'joblib', 'numba', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "check" in done.stdout


def test_importing_lumbago_imports_no_heavy_library():
    code = (
        "import sys, lumbago\n"
        "heavy = {'nilearn', 'sklearn', 'pandas', 'scipy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_packages_are_there_with_one_import_and_read_when_named():
    code = (
        "import lumbago, sys\n"
        "rooms = ('extractors', 'live', 'measures', 'models', 'statistics')\n"
        "assert not [room for room in rooms if f'lumbago.{room}' in sys.modules]\n"
        "assert set(rooms) <= set(dir(lumbago))\n"
        "for room in ('measures', 'statistics'):\n"
        "    for name in dir(getattr(lumbago, room)):\n"
        "        assert getattr(getattr(lumbago, room), name).__doc__\n"
        "assert 0 <= lumbago.measures.homogeneity.kendall_w([[1, 2], [2, 1], [3, 3]]) <= 1\n"
        "assert lumbago.extractors.Symmetry().kind == 'vmhc'\n"
        "assert lumbago.live.LiveStream and lumbago.models.__doc__\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_check_tells_the_experiment_is_fine(tmp_path, capsys):
    assert call("check", write_experiment(tmp_path, "data")) == 0
    assert "1 cohort, 2 features, 2 models, target diagnosis" in capsys.readouterr().out


def test_check_tells_every_problem_and_exits_with_2(tmp_path, capsys):
    file = write_experiment(tmp_path, "data", ("kind: alff", "kind: allf"), ("seed: 7", "seed: x"))
    assert call("check", file) == 2
    told = capsys.readouterr().err
    assert f'{file}:4:7: seed: expected a valid integer; got "x"' in told
    assert "did you mean 'alff'?" in told
    assert "2 problems" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "arguments", [("check", "nowhere.yaml"), ("report", "nowhere"), ("chek", "x"), ("run",)]
)
def test_bad_calls_exit_with_2_and_a_sentence(arguments, capsys):
    assert call(*arguments) == 2
    told = capsys.readouterr().err
    assert told
    assert "Traceback" not in told


def test_missing_data_exit_with_2(tmp_path, capsys):
    file = write_experiment(tmp_path, tmp_path / "nowhere")
    assert call("plan", file, "-o", tmp_path / "runs" / "x") == 2
    assert call("run", file, "-o", tmp_path / "runs" / "x", "-j", 1) == 2
    assert "tiny" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "x").exists()


def test_run_prints_where_the_report_is_and_plan_counts_before_and_after(
    tiny_cohort_folder, tmp_path, capsys
):
    file = write_experiment(tmp_path, tiny_cohort_folder, *QUICK)
    output = tmp_path / "runs" / "x"
    assert call("plan", file, "-o", output) == 0
    before = capsys.readouterr().out
    assert not output.exists()
    assert "at most" in before
    assert "estimate:" in before
    assert call("run", file, "-o", output, "-j", 1, "--strict") == 0
    told = capsys.readouterr()
    assert f"report: {output / 'report.html'}" in told.out.replace("\n", "")
    assert "measuring: " in told.err
    assert (output / "report.html").stat().st_size > 1000
    assert call("plan", file, "-o", output) == 0
    after = capsys.readouterr().out
    assert "at most" not in after
    assert "estimate: 0 s of one core" in after
    old = (output / "report.html").read_bytes()
    (output / "report.html").unlink()
    assert call("report", output) == 0
    assert (output / "report.html").read_bytes() == old


def test_strict_tells_of_a_broken_scan_with_4_and_without_it_all_is_well(
    tiny_cohort_folder, tmp_path, capsys
):
    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    bold = sorted(study.rglob("*sub-05*preproc_bold.nii.gz"))[0]
    bold.write_bytes(bold.read_bytes()[:5000])
    file = write_experiment(tmp_path, study, *QUICK)
    output = tmp_path / "runs" / "x"
    assert call("run", file, "-o", output, "-j", 1) == 0
    assert call("run", file, "-o", output, "-j", 1, "--strict") == 4
    assert "1 exclusion E_" in capsys.readouterr().err
    assert (output / "report.html").exists()


@pytest.mark.parametrize(
    ("denoise", "limit"), [("{strategy: motion6, scrub: {fd: 0.5}}", 3000), ("null", 15_000)]
)
def test_a_full_disk_exits_with_3_and_what_is_finished_stays(
    tiny_cohort_folder, tmp_path, denoise, limit
):
    file = write_experiment(
        tmp_path, tiny_cohort_folder, ("{strategy: motion6, scrub: {fd: 0.5}}", denoise), *QUICK
    )
    store = tmp_path / "store"
    code = (
        "import resource, sys\n"
        "from lumbago import cli\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "sys.exit(cli._exit_code(sys.argv[1:]))\n"
    )
    arguments = ["run", str(file), "-o", str(tmp_path / "x"), "--store", str(store), "-j", "1"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x" / "run.json").exists()
    kept = Store(store)
    keys = list(kept.keys())
    assert len(keys) > 0 if denoise == "null" else keys == []
    assert all(kept.load(key) is not None for key in keys)
    assert not list(tmp_path.rglob(".tmp-*"))


def children_of(pid: int) -> set[int]:
    """Return all living descendants of a process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if state[0] != "Z":
                parents[int(entry.name)] = int(state[1])
    found: set[int] = set()
    grown = {pid}
    while grown:
        grown = {child for child, parent in parents.items() if parent in grown} - found
        found |= grown
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_with_130_and_no_orphan(tiny_cohort_folder, tmp_path, number):
    file = write_experiment(tmp_path, tiny_cohort_folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "lumbago.cli", "run", str(file), "-o", str(tmp_path / "r" / "x"),
         "-j", "2"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    line = ""
    while not line.startswith("measuring"):
        line = process.stderr.readline()
        assert line, "the run ended before it could be interrupted"
    children = children_of(process.pid)
    assert children
    os.kill(process.pid, number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "run again to resume" in told
    assert "Traceback" not in told
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        left = {c for c in children if Path(f"/proc/{c}").exists() and c in living(children)}
        if not left:
            break
        time.sleep(0.1)
    assert not left


def living(pids: set[int]) -> set[int]:
    """Return those of the processes that run and are no zombies."""
    alive = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            alive.add(pid)
    return alive


def test_progress_on_a_terminal_is_a_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with cli._Progress() as progress:
        assert progress.bar is not None
        progress.tell("fitting", 1, 2, "svm")
        assert progress.bar.tasks[0].completed == 1
        progress.tell("fitting", 2, 2, "svm")
        assert progress.bar.finished


def test_progress_elsewhere_is_a_few_lines(capsys):
    with cli._Progress() as progress:
        for done in range(1, 101):
            progress.tell("fitting", done, 100, "svm")
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "fitting: 100/100 svm"
    assert 10 <= len(lines) <= 12


@pytest.mark.parametrize(
    ("n", "words"), [(5, "5 B"), (2500, "2 kB"), (3e9, "3 GB"), (4e12, "4.0 TB")]
)
def test_sizes_are_written_for_people(n, words):
    assert cli._bytes(n) == words


@pytest.mark.parametrize(("n", "words"), [(5, "5 s"), (600, "10 min"), (7200, "2.0 h")])
def test_times_are_written_for_people(n, words):
    assert cli._duration(n) == words
