"""The methods paragraph, built from what ran."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lumbago.evaluation.intervals import N_RESAMPLES
from lumbago.extractors.bands import SLOW_BANDS
from lumbago.report.denoising import denoising
from lumbago.report.graphs import graphs
from lumbago.report.learning import learning
from lumbago.report.references import BIBLIOGRAPHY, cite
from lumbago.report.words import count, listed

_ATLASES = {
    "lumbago200": ("fonov2011", "dosenbach2010"),
    "power264": ("power2011",),
    "dosenbach160": ("dosenbach2010",),
    "pain_seeds": ("pauli2018", "najdenovska2018", "dosenbach2010", "linnman2012", "lee2019"),
}
_FETCHED = {
    "schaefer": ("schaefer2018",),
    "aal": ("tzourio2002", "rolls2020"),
    "harvard_oxford": ("desikan2006",),
    "basc": ("bellec2010",),
    "msdl": ("varoquaux2011",),
    "difumo": ("dadi2020",),
}


def methods_text(
    run: Mapping[str, Any], *, models: Collection[str], has_weights: bool, has_nulls: bool
) -> list[str]:
    """Return the paragraphs of the methods section; citations are marks of `cite`.

    Parameters
    ----------
    run : mapping
        ``run.json`` of a run folder.
    models : collection of str
        Names of the models that made predictions; the others are not told.
    has_weights, has_nulls : bool
        Whether the run holds linear weights and permuted scores.
    """
    experiment = run.get("experiment", {})
    paragraphs = [
        _inputs(run, experiment),
        _features(run, experiment),
        learning(experiment, models, has_weights),
        _testing(run, experiment, has_nulls),
    ]
    return [" ".join(sentences) for sentences in paragraphs if sentences]


def _inputs(run: Mapping[str, Any], experiment: Mapping[str, Any]) -> list[str]:
    sentences = []
    for cohort in run.get("cohorts", ()):
        size = [count(int(cohort["n_participants"]), "participant")]
        if cohort.get("n_sessions", 0) != cohort["n_participants"] and cohort.get("n_sessions"):
            size.append(count(int(cohort["n_sessions"]), "session"))
        if cohort.get("n_scans"):
            size.append(count(int(cohort["n_scans"]), "scan"))
        kind = str(cohort.get("kind", ""))
        settings = experiment.get("cohorts", {}).get(cohort["name"], {})
        source = {
            "bids": "preprocessed with fMRIPrep" + cite("esteban2019")
            if settings.get("derivatives") else "raw scans of a BIDS dataset",
            "timeseries": "regional time series as provided",
            "connectomes": "connectivity matrices as provided",
            "table": "a table of features as provided",
            "maps": "still images as provided",
            "freesurfer": "statistics of FreeSurfer as provided",
            "xcpd": "outputs of XCP-D as provided",
            "halfpipe": "outputs of HALFpipe as provided",
            "dpabi": "results of DPABI as provided",
            "junifer": "features of junifer as provided",
            "simulated": "simulated; its effects are known and no patient is in it",
        }.get(kind, kind)  # fmt: skip
        space = cohort.get("space") or ""
        where = f", in the space {space}" if space and space != "scanner" else ""
        if space == "scanner":
            where = ", in the space of the scanner"
        sentences.append(f"Cohort {cohort['name']} ({', '.join(size)}): {source}{where}.")
        if keep := settings.get("keep"):
            sentences.append(f"Rows of {cohort['name']} were kept where {keep}.")
    imaged = any(c.get("kind") in ("bids", "simulated") for c in run.get("cohorts", ()))
    if imaged:
        sentences += denoising(run)
    return sentences


def _features(run: Mapping[str, Any], experiment: Mapping[str, Any]) -> list[str]:
    sentences = []
    for key, about in run.get("features", {}).items():
        spec = about.get("spec", {})
        known = [r for r in about.get("references", ()) if r in BIBLIOGRAPHY]
        n = about.get("n_features")
        size = f" ({count(int(n), 'value')} per person)" if n else ""
        sentences.append(f"{key}: {_measure(spec)}{cite(*known)}{_regions(spec)}{size}.")
    return sentences


_INTENSITY = {
    "tsnr": "temporal signal-to-noise ratio (mean over standard deviation)",
    "peraf": f"percent amplitude of fluctuation{cite('jia2020')}",
    "intensity_sd": "standard deviation of the intensity over time",
}


def _measure(spec: Mapping[str, Any]) -> str:
    kind = str(spec.get("kind", "a feature"))
    bands = spec.get("bands") or {}
    of = listed(f"{_band(b)} ({name})" for name, b in bands.items())
    used = [spec["band"]] if spec.get("band") else list(bands.values())
    band = _band(spec["band"]) if spec.get("band") else of
    if any(tuple(b) in SLOW_BANDS.values() for b in used):
        of, band = (f"{told}{cite('zuobands2010')}" for told in (of, band))
    filtered = f", signals filtered to {band}" if band else ""
    if kind in ("alff", "falff"):
        name = "amplitude of low-frequency fluctuations"
        convention = f", {spec['convention']} convention" if spec.get("convention") else ""
        return f"{'fractional ' if kind == 'falff' else ''}{name} in {of}{convention}"
    if kind == "reho":
        return (
            f"regional homogeneity (Kendall's W over {spec.get('neighbours', 27)} voxels{filtered})"
        )
    if kind == "connectome":
        measure = str(spec.get("measure", "connectivity"))
        shrunk = spec.get("shrinkage") or ("ledoit_wolf" if "partial" in measure else "none")
        measure = {
            "correlation": "Pearson correlation",
            "partial_correlation": f"partial correlation{cite('marrelec2006')}",
        }.get(measure, measure)
        if shrunk == "ledoit_wolf":
            measure += f" with Ledoit-Wolf shrinkage{cite('ledoit2004')}"
        z = ", Fisher z-transformed" if spec.get("fisher_z") else ""
        return f"{measure} between regions{z}{filtered}"
    if kind == "network":
        return graphs(spec, _measure(spec.get("of") or {}))
    if kind == "seed":
        z = ", Fisher z-transformed" if spec.get("fisher_z") else ""
        seeds: Mapping[str, Any] = spec.get("seeds") or {}
        places = (s.get("atlas") for s in seeds.values() if isinstance(s, Mapping))
        known = dict.fromkeys(a for a in places if isinstance(a, str) and a in _ATLASES)
        of = listed(f"{name}{cite(*_ATLASES[name])}" for name in known)
        taken = f" (regions of {of})" if known else ""
        return f"correlation of every voxel with the seeds {listed(seeds)}{taken}{z}{filtered}"
    if kind == "vmhc":
        z = ", Fisher z-transformed" if spec.get("fisher_z") else ""
        return f"correlation of every voxel with its mirror image (VMHC{z}{filtered})"
    if kind == "degree_centrality":
        what = {"binary": "number", "both": "number and sum"}.get(str(spec.get("of")), "sum")
        z = " of Fisher z-transformed" if spec.get("fisher_z") and what != "number" else " of"
        share = spec.get("sparsity")
        above = f"r > {spec.get('threshold', 0.25):g}"
        if share is not None:
            above = f"the strongest {100 * share:g} % of all pairs"
        return f"degree centrality ({what}{z} correlations with other voxels, {above}{filtered})"
    if kind in _INTENSITY:
        return f"{_INTENSITY[kind]}{filtered}"
    if kind == "regional":
        return f"regional means of the map {spec.get('map', '')}".rstrip()
    if kind == "values":
        return f"{spec.get('of', 'values')} of regions as the tool computed it"
    if kind == "columns":
        return f"columns of the participants' table ({listed(spec.get('columns', ()))})"
    return kind.replace("_", " ") + filtered


def _band(band: Any) -> str:
    return f"{band[0]:g}–{band[1]:g} Hz"


def _regions(spec: Mapping[str, Any]) -> str:
    inner = spec.get("of")
    atlas = (inner if isinstance(inner, Mapping) else spec).get("atlas")
    if not atlas:
        return ""
    if isinstance(atlas, str):
        # The name of a fetched atlas begins with whose it is: schaefer_n_rois-200_…
        whose = next((w for w in _FETCHED if f"{atlas}_".startswith(f"{w}_")), "")
        return f", over the atlas {atlas}{cite(*_ATLASES.get(atlas, _FETCHED.get(whose, ())))}"
    if atlas.get("coordinates") in _ATLASES:
        name = atlas["coordinates"]
        return f", over {atlas.get('radius', 5):g} mm spheres of {name}{cite(*_ATLASES[name])}"
    return ", over an atlas of the study's own"


def _testing(run: Mapping[str, Any], experiment: Mapping[str, Any], has_nulls: bool) -> list[str]:
    evaluation = experiment.get("evaluation", {})
    sentences = []
    continuous = run.get("target", {}).get("kind") == "continuous"
    spread = "values of the target" if continuous else "classes"
    crossed = False
    for scheme in evaluation.get("schemes", ()):
        kind = scheme.get("kind", "") if isinstance(scheme, Mapping) else str(scheme)
        scheme = scheme if isinstance(scheme, Mapping) else {}
        name = scheme.get("name") or (scheme.get("cohort") if kind == "locked" else None)
        label = f"{kind}:{name}" if name else kind
        if label in run.get("baselines_missing", {}):
            continue
        if kind == "within_cohort":
            crossed = True
            folds, repeats = scheme.get("n_splits", 5), scheme.get("n_repeats", 1)
            sentences.append(
                f"Cross-validation had {folds} folds, over which {spread} and sites were spread "
                f"evenly, and {count(repeats, 'repeat')}; all sessions of a person stayed in one "
                f"fold{cite('varoquaux2017')}."
            )
        elif kind in ("leave_one_site_out", "leave_one_cohort_out"):
            unit = "site" if "site" in kind else "cohort"
            sentences.append(f"Each {unit} in turn was left out of training and then predicted.")
        elif kind == "transfer":
            sentences.append("Models trained on one cohort predicted each other cohort in turn.")
        elif kind == "learning_curve":
            folds, repeats = scheme.get("n_splits", 5), scheme.get("n_repeats", 5)
            shares = listed(f"{100 * s:g} %" for s in scheme.get("shares", ()))
            sentences.append(
                f"For the learning curve, models learned from {shares} of each training fold, the "
                "smaller share within the larger, and were tested on the same folds "
                f"({folds} folds, {count(repeats, 'repeat')})."
            )
        elif kind == "locked":
            sentences.append(
                f"Cohort {scheme.get('cohort')} was locked: in no other analysis, and opened for "
                "models trained on all others; every look at it is in a ledger."
            )
        elif kind == "fixed":
            sentences.append("Who trained and who was tested was fixed by a table, made before.")
        else:
            sentences.append(f"Scheme {kind.replace('_', ' ')}.")
        if matched := scheme.get("matched"):
            alike = listed([*matched.get("on", ()), *matched.get("exact", ())])
            whom = "scored" if matched.get("who") == "tested" else "trained on and scored"
            sentences.append(
                f"In {label.replace('_', ' ')}, only pairs of one person of each class who are "
                f"alike in {alike} were {whom}, by optimal assignment within a caliper of "
                f"{matched.get('caliper', 0.25):g} standard deviations."
            )
    if run.get("target", {}).get("kind") == "binary":
        sentences.append(
            "The area under the ROC curve is the share of pairs of a positive and a negative "
            "participant that the same fitted model ranks rightly; decision values of different "
            f"folds are never compared{cite('hanley1982')}."
        )
        if evaluation.get("threshold") == "youden":
            sentences.append(
                "A participant was called positive from the decision value at which sensitivity "
                "and specificity together were highest (Youden's J) in inner out-of-fold "
                f"predictions of the training fold{cite('youden1950')}; where no cut did better "
                "than chance there, at the model's own."
                + (" Permuted labels chose their cuts anew." if has_nulls else "")
            )
        sentences.append(
            "Calibration is the slope and the intercept of the truth on the logit of the "
            f"probability{cite('vancalster2019')}; what acting on the probabilities is worth is "
            f"their net benefit{cite('vickers2006')}. The smallest AUC that such a study finds "
            "follows from Hanley and McNeil's variance."
        )
    sentences.append(
        f"Intervals are 2.5th to 97.5th percentiles of {N_RESAMPLES:,} bootstrap resamples of "
        "participants, with the models as fitted; for one fitted model on people it never saw "
        f"they are bias-corrected and accelerated{cite('efron1987')}, shares of people have "
        f"Wilson's{cite('wilson1927')}."
    )
    if crossed:
        sentences.append(
            "For cross-validation, a second interval counts other training samples, from the "
            f"corrected variance over folds{cite('nadeau2003')}."
        )
    if run.get("target", {}).get("kind") != "multiclass":
        sentences.append(
            "Whether predictions follow site or head motion beyond what the truth explains was "
            f"tested by conditional permutation{cite('spisak2022', 'berrett2020')}."
        )
    if has_nulls:
        sentences.append(
            "p-values compare the first repeat with models trained on permuted labels, as "
            f"(b + 1)/(m + 1){cite('phipson2010')}. Corrected over the grid, a score is held "
            "against the largest of all combinations' scores in each permutation, every "
            f"combination standardized by its own permutations{cite('nichols2002')}."
        )
    sentences.append(
        "Models were compared on the same people by a paired bootstrap over participants; where "
        "one fitted model of each was tested on a part left out whole, areas under the curve by "
        f"DeLong's test{cite('delong1988', 'sun2014')} and accuracies by McNemar's exact test"
        f"{cite('mcnemar1947')}."
        if run.get("target", {}).get("kind") == "binary"
        else "Models were compared on the same people by a paired bootstrap over participants."
    )
    sentences.append(f"The seed of every random number was {run.get('seed')}.")
    return sentences
