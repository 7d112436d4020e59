"""The bibliography, as data: what a methods text may cite."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One published source."""

    authors: str
    year: int
    title: str
    journal: str
    """Journal, volume and pages."""
    doi: str = ""

    def bibtex(self, key: str) -> str:
        """Return the entry for a ``.bib`` file."""
        fields = {"author": self.authors, "year": str(self.year), "title": f"{{{self.title}}}",
                  "journal": self.journal, "doi": self.doi}  # fmt: skip
        lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
        return f"@article{{{key},\n" + ",\n".join(lines) + "\n}"


BIBLIOGRAPHY = {
    "abraham2014": Reference(
        "Abraham, A. and others", 2014, "Machine learning for neuroimaging with scikit-learn",
        "Frontiers in Neuroinformatics 8, 14", "10.3389/fninf.2014.00014"),
    "achard2012": Reference(
        "Achard, S. and Delon-Martin, C. and Vértes, P. E. and Renard, F. and Schenck, M. and "
        "Schneider, F. and Heinrich, C. and Kremer, S. and Bullmore, E. T.", 2012,
        "Hubs of brain functional networks are radically reorganized in comatose patients",
        "Proceedings of the National Academy of Sciences 109, 20608–20613",
        "10.1073/pnas.1208933109"),
    "behzadi2007": Reference(
        "Behzadi, Y. and Restom, K. and Liau, J. and Liu, T. T.", 2007,
        "A component based noise correction method (CompCor) for BOLD and perfusion based fMRI",
        "NeuroImage 37, 90–101", "10.1016/j.neuroimage.2007.04.042"),
    "bellec2010": Reference(
        "Bellec, P. and Rosa-Neto, P. and Lyttelton, O. C. and Benali, H. and Evans, A. C.", 2010,
        "Multi-level bootstrap analysis of stable clusters in resting-state fMRI",
        "NeuroImage 51, 1126–1139", "10.1016/j.neuroimage.2010.02.082"),
    "benjamini1995": Reference(
        "Benjamini, Y. and Hochberg, Y.", 1995,
        "Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing",
        "Journal of the Royal Statistical Society B 57, 289–300",
        "10.1111/j.2517-6161.1995.tb02031.x"),
    "berrett2020": Reference(
        "Berrett, T. B. and Wang, Y. and Barber, R. F. and Samworth, R. J.", 2020,
        "The conditional permutation test for independence while controlling for confounders",
        "Journal of the Royal Statistical Society Series B 82, 175–197", "10.1111/rssb.12340"),
    "biswal1995": Reference(
        "Biswal, B. and Yetkin, F. Z. and Haughton, V. M. and Hyde, J. S.", 1995,
        "Functional connectivity in the motor cortex of resting human brain using "
        "echo-planar MRI",
        "Magnetic Resonance in Medicine 34, 537–541", "10.1002/mrm.1910340409"),
    "breiman2001": Reference(
        "Breiman, L.", 2001, "Random forests", "Machine Learning 45, 5–32",
        "10.1023/A:1010933404324"),
    "buckner2009": Reference(
        "Buckner, R. L. and others", 2009,
        "Cortical hubs revealed by intrinsic functional connectivity: mapping, assessment of "
        "stability, and relation to Alzheimer's disease",
        "Journal of Neuroscience 29, 1860–1873", "10.1523/JNEUROSCI.5062-08.2009"),
    "ciric2017": Reference(
        "Ciric, R. and others", 2017,
        "Benchmarking of participant-level confound regression strategies for the control of "
        "motion artifact in studies of functional connectivity",
        "NeuroImage 154, 174–187", "10.1016/j.neuroimage.2017.03.020"),
    "cortes1995": Reference(
        "Cortes, C. and Vapnik, V.", 1995, "Support-vector networks",
        "Machine Learning 20, 273–297", "10.1007/BF00994018"),
    "cover1967": Reference(
        "Cover, T. and Hart, P.", 1967, "Nearest neighbor pattern classification",
        "IEEE Transactions on Information Theory 13, 21–27", "10.1109/TIT.1967.1053964"),
    "dadi2020": Reference(
        "Dadi, K. and others", 2020, "Fine-grain atlases of functional modes for fMRI analysis",
        "NeuroImage 221, 117126", "10.1016/j.neuroimage.2020.117126"),
    "delong1988": Reference(
        "DeLong, E. R. and DeLong, D. M. and Clarke-Pearson, D. L.", 1988,
        "Comparing the areas under two or more correlated receiver operating characteristic "
        "curves: a nonparametric approach", "Biometrics 44, 837–845", "10.2307/2531595"),
    "desikan2006": Reference(
        "Desikan, R. S. and others", 2006,
        "An automated labeling system for subdividing the human cerebral cortex on MRI scans "
        "into gyral based regions of interest",
        "NeuroImage 31, 968–980", "10.1016/j.neuroimage.2006.01.021"),
    "dosenbach2010": Reference(
        "Dosenbach, N. U. F. and others", 2010,
        "Prediction of individual brain maturity using fMRI",
        "Science 329, 1358–1361", "10.1126/science.1194144"),
    "efron1987": Reference(
        "Efron, B.", 1987, "Better bootstrap confidence intervals",
        "Journal of the American Statistical Association 82, 171–185",
        "10.1080/01621459.1987.10478410"),
    "esteban2019": Reference(
        "Esteban, O. and others", 2019,
        "fMRIPrep: a robust preprocessing pipeline for functional MRI",
        "Nature Methods 16, 111–116", "10.1038/s41592-018-0235-4"),
    "fonov2011": Reference(
        "Fonov, V. and others", 2011,
        "Unbiased average age-appropriate atlases for pediatric studies",
        "NeuroImage 54, 313–327", "10.1016/j.neuroimage.2010.07.033"),
    "fortin2018": Reference(
        "Fortin, J.-P. and others", 2018,
        "Harmonization of cortical thickness measurements across scanners and sites",
        "NeuroImage 167, 104–120", "10.1016/j.neuroimage.2017.11.024"),
    "freeman1977": Reference(
        "Freeman, L. C.", 1977, "A set of measures of centrality based on betweenness",
        "Sociometry 40, 35–41", "10.2307/3033543"),
    "friedman2001": Reference(
        "Friedman, J. H.", 2001, "Greedy function approximation: a gradient boosting machine",
        "The Annals of Statistics 29, 1189–1232", "10.1214/aos/1013203451"),
    "friston1996": Reference(
        "Friston, K. J. and Williams, S. and Howard, R. and Frackowiak, R. S. J. and Turner, R.",
        1996, "Movement-related effects in fMRI time-series",
        "Magnetic Resonance in Medicine 35, 346–355", "10.1002/mrm.1910350312"),
    "guimera2005": Reference(
        "Guimerà, R. and Amaral, L. A. N.", 2005,
        "Functional cartography of complex metabolic networks",
        "Nature 433, 895–900", "10.1038/nature03288"),
    "guyon2002": Reference(
        "Guyon, I. and Weston, J. and Barnhill, S. and Vapnik, V.", 2002,
        "Gene selection for cancer classification using support vector machines",
        "Machine Learning 46, 389–422", "10.1023/A:1012487302797"),
    "hanley1982": Reference(
        "Hanley, J. A. and McNeil, B. J.", 1982,
        "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
        "Radiology 143, 29–36", "10.1148/radiology.143.1.7063747"),
    "haufe2014": Reference(
        "Haufe, S. and others", 2014,
        "On the interpretation of weight vectors of linear models in multivariate neuroimaging",
        "NeuroImage 87, 96–110", "10.1016/j.neuroimage.2013.10.067"),
    "hedges1981": Reference(
        "Hedges, L. V.", 1981,
        "Distribution theory for Glass’s estimator of effect size and related estimators",
        "Journal of Educational Statistics 6, 107–128", "10.3102/10769986006002107"),
    "humphries2008": Reference(
        "Humphries, M. D. and Gurney, K.", 2008,
        "Network 'small-world-ness': a quantitative method for determining canonical network "
        "equivalence",
        "PLoS ONE 3, e0002051", "10.1371/journal.pone.0002051"),
    "jenkinson2002": Reference(
        "Jenkinson, M. and others", 2002,
        "Improved optimization for the robust and accurate linear registration and motion "
        "correction of brain images", "NeuroImage 17, 825–841", "10.1006/nimg.2002.1132"),
    "jia2020": Reference(
        "Jia, X.-Z. and others", 2020,
        "Percent amplitude of fluctuation: a simple measure for resting-state fMRI signal at "
        "single voxel level", "PLoS ONE 15, e0227021", "10.1371/journal.pone.0227021"),
    "johnson2007": Reference(
        "Johnson, W. E. and Li, C. and Rabinovic, A.", 2007,
        "Adjusting batch effects in microarray expression data using empirical Bayes methods",
        "Biostatistics 8, 118–127", "10.1093/biostatistics/kxj037"),
    "kapoor2023": Reference(
        "Kapoor, S. and Narayanan, A.", 2023,
        "Leakage and the reproducibility crisis in machine-learning-based science",
        "Patterns 4, 100804", "10.1016/j.patter.2023.100804"),
    "lamichhane2021": Reference(
        "Lamichhane, B. and others", 2021,
        "Functional disruptions of the brain in low back pain: a potential imaging biomarker of "
        "functional disability", "Frontiers in Neurology, article 669076"),
    "latora2001": Reference(
        "Latora, V. and Marchiori, M.", 2001, "Efficient behavior of small-world networks",
        "Physical Review Letters 87, 198701", "10.1103/PhysRevLett.87.198701"),
    "ledoit2004": Reference(
        "Ledoit, O. and Wolf, M.", 2004,
        "A well-conditioned estimator for large-dimensional covariance matrices",
        "Journal of Multivariate Analysis 88, 365–411", "10.1016/S0047-259X(03)00096-4"),
    "lee2019": Reference(
        "Lee, J. and others", 2019,
        "Machine learning-based prediction of clinical pain using multimodal neuroimaging and "
        "autonomic metrics",
        "PAIN 160, 550–560", "10.1097/j.pain.0000000000001417"),
    "linnman2012": Reference(
        "Linnman, C. and Moulton, E. A. and Barmettler, G. and Becerra, L. and Borsook, D.", 2012,
        "Neuroimaging of the periaqueductal gray: state of the field",
        "NeuroImage 60, 505–522", "10.1016/j.neuroimage.2011.11.095"),
    "marrelec2006": Reference(
        "Marrelec, G. and others", 2006,
        "Partial correlation for functional brain interactivity investigation in functional MRI",
        "NeuroImage 32, 228–237", "10.1016/j.neuroimage.2005.12.057"),
    "maslov2002": Reference(
        "Maslov, S. and Sneppen, K.", 2002,
        "Specificity and stability in topology of protein networks",
        "Science 296, 910–913", "10.1126/science.1065103"),
    "mcnemar1947": Reference(
        "McNemar, Q.", 1947,
        "Note on the sampling error of the difference between correlated proportions or "
        "percentages", "Psychometrika 12, 153–157", "10.1007/BF02295996"),
    "meinshausen2010": Reference(
        "Meinshausen, N. and Bühlmann, P.", 2010, "Stability selection",
        "Journal of the Royal Statistical Society B 72, 417–473",
        "10.1111/j.1467-9868.2010.00740.x"),
    "muschelli2014": Reference(
        "Muschelli, J. and others", 2014,
        "Reduction of motion-related artifacts in resting state fMRI using aCompCor",
        "NeuroImage 96, 22–35", "10.1016/j.neuroimage.2014.03.028"),
    "nadeau2003": Reference(
        "Nadeau, C. and Bengio, Y.", 2003, "Inference for the generalization error",
        "Machine Learning 52, 239–281", "10.1023/A:1024068626366"),
    "najdenovska2018": Reference(
        "Najdenovska, E. and others", 2018,
        "In-vivo probabilistic atlas of human thalamic nuclei based on diffusion-weighted "
        "magnetic resonance imaging",
        "Scientific Data 5, 180270", "10.1038/sdata.2018.270"),
    "newman2002": Reference(
        "Newman, M. E. J.", 2002, "Assortative mixing in networks",
        "Physical Review Letters 89, 208701", "10.1103/PhysRevLett.89.208701"),
    "nichols2002": Reference(
        "Nichols, T. E. and Holmes, A. P.", 2002,
        "Nonparametric permutation tests for functional neuroimaging: a primer with examples",
        "Human Brain Mapping 15, 1–25", "10.1002/hbm.1058"),
    "pauli2018": Reference(
        "Pauli, W. M. and Nili, A. N. and Tyszka, J. M.", 2018,
        "A high-resolution probabilistic in vivo atlas of human subcortical brain nuclei",
        "Scientific Data 5, 180063", "10.1038/sdata.2018.63"),
    "pedregosa2011": Reference(
        "Pedregosa, F. and others", 2011, "Scikit-learn: machine learning in Python",
        "Journal of Machine Learning Research 12, 2825–2830"),
    "phipson2010": Reference(
        "Phipson, B. and Smyth, G. K.", 2010,
        "Permutation P-values should never be zero: calculating exact P-values when "
        "permutations are randomly drawn",
        "Statistical Applications in Genetics and Molecular Biology 9, 39",
        "10.2202/1544-6115.1585"),
    "platt1999": Reference(
        "Platt, J. C.", 1999,
        "Probabilistic outputs for support vector machines and comparisons to regularized "
        "likelihood methods", "Advances in Large Margin Classifiers, 61–74"),
    "power2011": Reference(
        "Power, J. D. and others", 2011, "Functional network organization of the human brain",
        "Neuron 72, 665–678", "10.1016/j.neuron.2011.09.006"),
    "power2012": Reference(
        "Power, J. D. and Barnes, K. A. and Snyder, A. Z. and Schlaggar, B. L. and "
        "Petersen, S. E.", 2012,
        "Spurious but systematic correlations in functional connectivity MRI networks arise "
        "from subject motion",
        "NeuroImage 59, 2142–2154", "10.1016/j.neuroimage.2011.10.018"),
    "power2014": Reference(
        "Power, J. D. and others", 2014,
        "Methods to detect, characterize, and remove motion artifact in resting state fMRI",
        "NeuroImage 84, 320–341", "10.1016/j.neuroimage.2013.08.048"),
    "pruim2015": Reference(
        "Pruim, R. H. R. and others", 2015,
        "ICA-AROMA: a robust ICA-based strategy for removing motion artifacts from fMRI data",
        "NeuroImage 112, 267–277", "10.1016/j.neuroimage.2015.02.064"),
    "rolls2020": Reference(
        "Rolls, E. T. and Huang, C. C. and Lin, C. P. and Feng, J. and Joliot, M.", 2020,
        "Automated anatomical labelling atlas 3",
        "NeuroImage 206, 116189", "10.1016/j.neuroimage.2019.116189"),
    "schaefer2018": Reference(
        "Schaefer, A. and others", 2018,
        "Local-global parcellation of the human cerebral cortex from intrinsic functional "
        "connectivity MRI",
        "Cerebral Cortex 28, 3095–3114", "10.1093/cercor/bhx179"),
    "shen2017": Reference(
        "Shen, X. and others", 2017,
        "Using connectome-based predictive modeling to predict individual behavior from brain "
        "connectivity", "Nature Protocols 12, 506–518", "10.1038/nprot.2016.178"),
    "smola2004": Reference(
        "Smola, A. J. and Schölkopf, B.", 2004, "A tutorial on support vector regression",
        "Statistics and Computing 14, 199–222", "10.1023/B:STCO.0000035301.49549.88"),
    "snoek2019": Reference(
        "Snoek, L. and Miletić, S. and Scholte, H. S.", 2019,
        "How to control for confounds in decoding analyses of neuroimaging data",
        "NeuroImage 184, 741–760", "10.1016/j.neuroimage.2018.09.074"),
    "spisak2022": Reference(
        "Spisak, T.", 2022,
        "Statistical quantification of confounding bias in machine learning models",
        "GigaScience 11, giac082", "10.1093/gigascience/giac082"),
    "sun2014": Reference(
        "Sun, X. and Xu, W.", 2014,
        "Fast implementation of DeLong's algorithm for comparing the areas under correlated "
        "receiver operating characteristic curves",
        "IEEE Signal Processing Letters 21, 1389–1393", "10.1109/LSP.2014.2337313"),
    "tibshirani1996": Reference(
        "Tibshirani, R.", 1996, "Regression shrinkage and selection via the lasso",
        "Journal of the Royal Statistical Society B 58, 267–288",
        "10.1111/j.2517-6161.1996.tb02080.x"),
    "traag2019": Reference(
        "Traag, V. A. and Waltman, L. and van Eck, N. J.", 2019,
        "From Louvain to Leiden: guaranteeing well-connected communities",
        "Scientific Reports 9, 5233", "10.1038/s41598-019-41695-z"),
    "tzourio2002": Reference(
        "Tzourio-Mazoyer, N. and others", 2002,
        "Automated anatomical labeling of activations in SPM using a macroscopic anatomical "
        "parcellation of the MNI MRI single-subject brain",
        "NeuroImage 15, 273–289", "10.1006/nimg.2001.0978"),
    "vancalster2019": Reference(
        "Van Calster, B. and others", 2019,
        "Calibration: the Achilles heel of predictive analytics", "BMC Medicine 17, 230",
        "10.1186/s12916-019-1466-7"),
    "varoquaux2010": Reference(
        "Varoquaux, G. and others", 2010,
        "Detection of brain functional-connectivity difference in post-stroke patients using "
        "group-level covariance modeling",
        "Medical Image Computing and Computer-Assisted Intervention (MICCAI), 200–208",
        "10.1007/978-3-642-15705-9_25"),
    "varoquaux2011": Reference(
        "Varoquaux, G. and Gramfort, A. and Pedregosa, F. and Michel, V. and Thirion, B.", 2011,
        "Multi-subject dictionary learning to segment an atlas of brain spontaneous activity",
        "Lecture Notes in Computer Science 6801, 562–573", "10.1007/978-3-642-22092-0_46"),
    "varoquaux2017": Reference(
        "Varoquaux, G. and Raamana, P. R. and Engemann, D. A. and Hoyos-Idrobo, A. and "
        "Schwartz, Y. and Thirion, B.", 2017,
        "Assessing and tuning brain decoders: cross-validation, caveats, and guidelines",
        "NeuroImage 145, 166–179", "10.1016/j.neuroimage.2016.10.038"),
    "vickers2006": Reference(
        "Vickers, A. J. and Elkin, E. B.", 2006,
        "Decision curve analysis: a novel method for evaluating prediction models",
        "Medical Decision Making 26, 565–574", "10.1177/0272989X06295361"),
    "watts1998": Reference(
        "Watts, D. J. and Strogatz, S. H.", 1998,
        "Collective dynamics of 'small-world' networks",
        "Nature 393, 440–442", "10.1038/30918"),
    "welch1947": Reference(
        "Welch, B. L.", 1947,
        "The generalization of Student’s problem when several different population variances are "
        "involved",
        "Biometrika 34, 28–35", "10.1093/biomet/34.1-2.28"),
    "wilson1927": Reference(
        "Wilson, E. B.", 1927, "Probable inference, the law of succession, and statistical "
        "inference", "Journal of the American Statistical Association 22, 209–212",
        "10.1080/01621459.1927.10502953"),
    "wold2001": Reference(
        "Wold, S. and Sjöström, M. and Eriksson, L.", 2001,
        "PLS-regression: a basic tool of chemometrics",
        "Chemometrics and Intelligent Laboratory Systems 58, 109–130",
        "10.1016/S0169-7439(01)00155-1"),
    "youden1950": Reference(
        "Youden, W. J.", 1950, "Index for rating diagnostic tests", "Cancer 3, 32–35",
        "10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3"),
    "zalesky2012": Reference(
        "Zalesky, A. and Fornito, A. and Bullmore, E.", 2012,
        "On the use of correlation as a measure of network connectivity",
        "NeuroImage 60, 2096–2106", "10.1016/j.neuroimage.2012.02.001"),
    "zang2004": Reference(
        "Zang, Y. and Jiang, T. and Lu, Y. and He, Y. and Tian, L.", 2004,
        "Regional homogeneity approach to fMRI data analysis",
        "NeuroImage 22, 394–400", "10.1016/j.neuroimage.2003.12.030"),
    "zang2007": Reference(
        "Zang, Y.-F. and others", 2007,
        "Altered baseline brain activity in children with ADHD revealed by resting-state "
        "functional MRI",
        "Brain and Development 29, 83–91", "10.1016/j.braindev.2006.07.002"),
    "zou2005": Reference(
        "Zou, H. and Hastie, T.", 2005,
        "Regularization and variable selection via the elastic net",
        "Journal of the Royal Statistical Society B 67, 301–320",
        "10.1111/j.1467-9868.2005.00503.x"),
    "zou2008": Reference(
        "Zou, Q.-H. and others", 2008,
        "An improved approach to detection of amplitude of low-frequency fluctuation (ALFF) "
        "for resting-state fMRI: fractional ALFF",
        "Journal of Neuroscience Methods 172, 137–141", "10.1016/j.jneumeth.2008.04.012"),
    "zuo2010": Reference(
        "Zuo, X.-N. and others", 2010,
        "Growing together and growing apart: regional and sex differences in the lifespan "
        "developmental trajectories of functional homotopy",
        "Journal of Neuroscience 30, 15034–15043", "10.1523/JNEUROSCI.2612-10.2010"),
    "zuo2012": Reference(
        "Zuo, X.-N. and others", 2012, "Network centrality in the human functional connectome",
        "Cerebral Cortex 22, 1862–1875", "10.1093/cercor/bhr269"),
    "zuobands2010": Reference(
        "Zuo, X.-N. and others", 2010, "The oscillating brain: complex and reliable",
        "NeuroImage 49, 1432–1445", "10.1016/j.neuroimage.2009.09.037"),
}  # fmt: skip

_MARK = re.compile(r"\[@([A-Za-z0-9_-]+(?:;\s*@[A-Za-z0-9_-]+)*)\]")


def cite(*keys: str) -> str:
    """Return the mark that `numbered` turns into numbers.

    >>> cite("zang2007", "zou2008")
    ' [@zang2007; @zou2008]'
    """
    return f" [{'; '.join('@' + key for key in keys)}]" if keys else ""


def cited(texts: Iterable[str]) -> list[str]:
    """Return the keys that texts cite, in the order of first mention."""
    found: dict[str, None] = {}
    for text in texts:
        for mark in _MARK.findall(text):
            found |= dict.fromkeys(key.strip().removeprefix("@") for key in mark.split(";"))
    return [key for key in found if key in BIBLIOGRAPHY]


def pieces(text: str, order: list[str]) -> list[tuple[str, list[int]]]:
    """Cut a text at its marks: each piece, then the numbers cited after it.

    >>> pieces("ReHo [@zang2004] and ALFF.", ["zang2004"])
    [('ReHo', [1]), (' and ALFF.', [])]
    """
    cut: list[tuple[str, list[int]]] = []
    end = 0
    for mark in _MARK.finditer(text):
        keys = [key.strip().removeprefix("@") for key in mark[1].split(";")]
        numbers = [order.index(key) + 1 for key in keys if key in order]
        cut.append((text[end : mark.start()].rstrip(), numbers))
        end = mark.end()
    return [*cut, (text[end:], [])] if end < len(text) else cut
