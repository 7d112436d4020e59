"""The known forms of leakage, what Lumbago does about each, and the tests that show it.

The list follows Kapoor & Narayanan (2023), doi:10.1016/j.patter.2023.100804, and Rosenblatt and
others (2024), doi:10.1038/s41467-024-46150-w, drawn out into the places where each can happen
in a study of brain images. `docs/make_leakage_page.py` writes the page from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Form:
    """One form of leakage.

    Parameters
    ----------
    name : str
        What goes wrong.
    how : {"refused", "guarded", "proven", "absent", "partly"}
        refused: asked for, it is an error. guarded: there is no way to write it. proven: rows
        that do not train are spoiled and nothing learned changes. absent: the feature that could
        leak does not exist. partly: something is left to the user.
    does : str
        What Lumbago does about it.
    tests : tuple of str
        ``file::test`` of the suite.
    """

    name: str
    how: Literal["refused", "guarded", "proven", "absent", "partly"]
    does: str
    tests: tuple[str, ...]


def here(*names: str) -> tuple[str, ...]:
    """Return tests of the file that goes with this table."""
    return tuple(f"test_leakage_forms.py::{name}" for name in names)


CAUGHT = "test_audit.py::test_every_leak_is_caught"
MODELS_CLEAN = "test_model_kinds.py::test_no_model_knows_anything_of_its_test_fold"
PIPELINES_CLEAN = "test_audit.py::test_our_models_pass_on_every_fold_of_every_scheme"
LABEL_FREE = "test_preparation.py::test_label_free_steps_see_the_training_fold_only"
SELECTION = "test_preparation.py::test_selection_sees_the_training_fold_only"
REFUSED = "test_loading.py::test_what_is_wrong_is_told_with_its_cure"

FORMS: dict[int, Form] = {
    1: Form(
        "Features are selected on everybody",
        "proven",
        "Selection is a step, fitted in the training fold and anew for every permutation.",
        (CAUGHT, SELECTION,
         "test_preparation.py::test_selection_on_random_labels_stays_at_chance"),
    ),
    2: Form(
        "Regions or seeds are taken from a group map of the same people",
        "partly",
        "Regions, spheres and seeds may say `derived_from`; a cohort that stands there and in the "
        "experiment is refused. Packaged atlases come from other people. Who does not say it of "
        "an atlas of their own is not found out.",
        here("test_regions_made_from_the_tested_people_are_refused"),
    ),
    3: Form(
        "Features are scaled or clipped by everybody's mean and spread",
        "proven",
        "Scaling is a step; the audit sees what scores on random labels do not show.",
        (CAUGHT, PIPELINES_CLEAN,
         "test_audit.py::test_leaks_that_scores_cannot_see_are_seen_by_poison"),
    ),
    4: Form(
        "Components or codes are learned on everybody",
        "proven",
        "Principal components are a step; dictionaries and autoencoders do not exist.",
        (CAUGHT, LABEL_FREE, *here("test_every_step_is_proven_by_poison",
                                   "test_no_product_of_the_group_can_be_asked_for")),
    ),
    5: Form(
        "Group ICA, a group template or a group mask includes the tested people",
        "absent",
        "Nothing is made of several scans before the split: masks are each scan's own, and group "
        "ICA does not exist. Maps made elsewhere are regions that may say `derived_from`.",
        here("test_no_product_of_the_group_can_be_asked_for",
             "test_extractors_are_given_one_scan_and_keep_nothing",
             "test_columns_of_a_table_are_taken_row_by_row"),
    ),
    6: Form(
        "The reference of the tangent space is the mean of everybody",
        "proven",
        "The geometric mean is that of the training fold.",
        ("test_matrix_steps.py::test_neither_knows_anything_of_its_test_fold",
         "test_matrix_steps.py::test_one_row_is_written_as_in_company_and_columns_keep_their_names"),
    ),
    7: Form(
        "Age, sex or motion are regressed out on everybody",
        "proven",
        "Residualizing is a step; covariates of the tested rows are spoiled as well.",
        (CAUGHT, PIPELINES_CLEAN, SELECTION),
    ),
    8: Form(
        "Sites are brought into line on everybody",
        "proven",
        "ComBat is a step; sites of the tested rows are spoiled as well.",
        (CAUGHT, "test_combat.py::test_nothing_of_the_test_rows_is_learned",
         "test_combat.py::test_harmonizing_all_rows_at_once_is_caught"),
    ),
    9: Form(
        "The diagnosis is protected while sites are brought into line",
        "refused",
        "The target can be neither preserved nor batch, under its own name or another.",
        ("test_combat.py::test_the_target_is_never_preserved", REFUSED,
         *here("test_steps_without_labels_learn_the_same_from_any_labels")),
    ),
    10: Form(
        "Sites are brought into line anew on the rows that are tested",
        "proven",
        "Every model predicts rows one at a time as it predicts them together.",
        ("test_combat.py::test_one_row_is_treated_as_in_its_batch",
         "test_audit.py::test_a_model_that_learns_from_the_test_batch_is_caught"),
    ),
    11: Form(
        "A site never met borrows what it needs in silence",
        "refused",
        "`unseen: refuse` is the default; `pooled` and `none` must be asked for.",
        ("test_combat.py::test_an_unseen_site_is_refused_pooled_or_left",
         "test_combat.py::test_sites_left_out_are_refused_before_anything_is_fitted"),
    ),
    12: Form(
        "Missing values are filled from everybody, or from everybody of the same class",
        "proven",
        "Medians or means of the training fold, blind to the labels.",
        (CAUGHT, PIPELINES_CLEAN,
         *here("test_steps_without_labels_learn_the_same_from_any_labels")),
    ),
    13: Form(
        "Rows are copied or made up before the split",
        "absent",
        "No step makes rows: unequal classes are weighed in the fold. Copies under another name "
        "are found as duplicates.",
        (CAUGHT, *here("test_no_step_makes_rows"),
         "test_dataset.py::test_rows_must_be_unique_sorted_and_as_many_as_labels"),
    ),
    14: Form(
        "Sessions or runs of one person lie on both sides of a split",
        "guarded",
        "Splits, inner folds and permutations deal people, never rows; runs of a session are "
        "averaged before.",
        ("test_schemes.py::test_people_stay_whole_and_every_sample_is_tested_once_per_repeat",
         "test_search.py::test_inner_folds_keep_sessions_of_one_person_together",
         "test_audit.py::test_repeated_sessions_in_two_folds_are_caught"),
    ),
    15: Form(
        "Families, twins or matched pairs are parted",
        "guarded",
        "`family_id`, `pair_id` and columns of one's own join people, directly or through others.",
        ("test_kinship.py::test_no_scheme_parts_a_family",
         "test_kinship.py::test_the_group_guard_catches_a_parted_family",
         "test_kinship.py::test_families_stay_whole_in_the_inner_search_and_the_audit_passes"),
    ),
    16: Form(
        "One person takes part in two cohorts",
        "partly",
        "`same_as` joins people across cohorts; equal files are both left out; rows that are "
        "nearly equal fail the audit. A second scan of somebody, of whom the tables do not say "
        "that it is the same person, is not found.",
        ("test_duplicates.py::test_a_scan_that_two_people_share_counts_for_neither",
         "test_duplicates.py::test_the_audit_fails_where_a_split_parts_them_and_names_nobody",
         *here("test_one_person_in_two_cohorts_is_joined_by_same_as",
               "test_inner_folds_keep_one_person_of_two_cohorts_whole",
               "test_labels_of_one_person_in_two_cohorts_move_together_and_stay_in_their_cohort",
               "test_pooled_cohorts_keep_what_one_of_them_says_of_the_other")),
    ),
    17: Form(
        "Windows or halves of one scan count as samples",
        "guarded",
        "A sample is a participant and session; two rows of one are refused, runs are averaged, "
        "and no feature makes windows.",
        ("test_dataset.py::test_rows_must_be_unique_sorted_and_as_many_as_labels",
         "test_extraction.py::test_runs_of_a_session_are_averaged_and_a_rejected_run_does_not_cost_the_session",
         *here("test_a_feature_gives_one_row_per_session")),
    ),
    18: Form(
        "A graph's threshold, a mask of edges or a backbone comes from everybody",
        "guarded",
        "A graph is cut by the edges of its own scan; edges that go with the target are picked "
        "in the fold.",
        (*here("test_extractors_are_given_one_scan_and_keep_nothing"),
         "test_network.py::test_features_are_the_sweep_by_name", MODELS_CLEAN),
    ),
    19: Form(
        "Class weights or shares come from all labels",
        "proven",
        "Labels are spoiled unevenly, so that every count changes.",
        (CAUGHT, MODELS_CLEAN, "test_audit.py::test_labels_are_poisoned_asymmetrically"),
    ),
    20: Form(
        "Settings are tuned on the folds that are reported",
        "proven",
        "The search lies inside the training fold, with inner folds of its people.",
        (CAUGHT, PIPELINES_CLEAN,
         "test_search.py::test_the_search_chooses_and_predicts_as_grid_search_cv"),
    ),
    21: Form(
        "The cut between the classes is chosen on the tested rows",
        "proven",
        "A cut is part of what is learned; predicted classes of the tested rows must not change "
        "with their labels.",
        (CAUGHT, MODELS_CLEAN),
    ),
    22: Form(
        "Probabilities are calibrated on the tested rows",
        "proven",
        "Platt's sigmoid is fitted to scores of inner folds of the training rows.",
        ("test_search.py::test_probabilities_are_platts_over_inner_folds_of_the_training_rows",
         MODELS_CLEAN, *here("test_labels_of_the_tested_rows_change_no_probability")),
    ),
    23: Form(
        "Training is stopped, or a model kept, by its score on the tested rows",
        "proven",
        "Nothing stops early, and every model of the catalogue passes the audit.",
        ("test_model_kinds.py::test_boosting_is_scikit_learns_without_early_stopping",
         MODELS_CLEAN, "test_model_kinds.py::test_every_kind_of_the_catalogue_is_tried_somewhere"),
    ),
    24: Form(
        "Outliers are dropped by prediction error, or by a rule that knows the class",
        "refused",
        "`keep` and `where` see tables, never predictions, and may not ask the classes for "
        "different quality. Who is left out is listed with the reason.",
        (CAUGHT, *here("test_rules_that_ask_the_classes_for_different_quality_are_refused",
                       "test_a_where_that_does_is_refused_too",
                       "test_rules_that_treat_everybody_alike_are_taken",
                       "test_a_rule_cannot_name_a_prediction")),
    ),
    25: Form(
        "The motion limit is chosen for the best score",
        "partly",
        "A limit is one number of the experiment's file; lists of them cannot be tuned over, and "
        "a changed one is another result in the store. Nobody can see runs that were not shown.",
        here("test_a_quality_limit_is_one_number_and_no_candidate"),
    ),
    26: Form(
        "The best of several seeds is reported",
        "guarded",
        "One seed; every repeat of it is in the predictions and in the score.",
        (*here("test_there_is_one_seed_and_every_repeat_counts"),
         "test_schemes.py::test_repeats_differ_and_the_seed_decides",
         "test_evaluate.py::test_every_sample_is_predicted_once_per_cell_and_repeat"),
    ),
    27: Form(
        "The best of many features, models and atlases is reported",
        "guarded",
        "The report holds every cell of the grid; p-values corrected by the maximum over all.",
        ("test_report.py::test_every_score_of_the_table_is_on_the_page",
         "test_familywise.py::test_only_permutations_that_all_combinations_ran_are_used",
         "test_permutation.py::test_the_familywise_error_is_the_level_where_many_dependent_scores_are_looked_at"),
    ),
    28: Form(
        "Ids, order, paths, dates, site, treatment or the pain score become predictors",
        "refused",
        "Predictors are features, or covariates that a model names. What is the target under "
        "another name is refused; names and order of people are spoiled in the audit.",
        (CAUGHT, REFUSED, *here(
            "test_covariates_are_no_predictors_until_a_model_names_them",
            "test_the_target_under_another_name_is_no_predictor",
            "test_the_column_of_the_target_is_no_feature",
        )),
    ),
    29: Form(
        "Site or scanner goes with the diagnosis",
        "refused",
        "Refused where they are one thing; else leaving sites out, baselines of site and motion "
        "and the gap stand beside the score.",
        ("test_site_designs.py::test_one_class_at_every_site_is_refused_by_plan_run_and_notebook",
         "test_site_designs.py::test_a_confounded_study_scores_by_its_scanner_and_the_report_says_so"),
    ),
    30: Form(
        "Labels are permuted freely over sessions of one person",
        "guarded",
        "Whole people exchange their labels.",
        ("test_permutation.py::test_free_permutation_of_repeated_scans_would_reject_too_often",
         "test_evaluate.py::test_whole_people_are_exchanged_within_their_site",
         "test_null_simulations.py::test_p_is_uniform_and_five_of_a_hundred_null_studies_are_significant"),
    ),
    31: Form(
        "Labels are permuted across sites",
        "guarded",
        "Labels stay at their site.",
        ("test_null_simulations.py::test_the_site_design_would_deceive_who_permutes_across_sites",
         "test_kinship.py::test_nobody_changes_site_by_permutation"),
    ),
    32: Form(
        "Folds of repeated cross-validation are compared by a t-test",
        "guarded",
        "No test counts folds as observations: people are drawn again, or labels permuted.",
        ("test_versus.py::test_two_equal_models_are_called_different_in_no_more_than_five_of_a_hundred_samples",
         *here("test_no_test_of_means_is_at_hand_where_models_are_compared")),
    ),
    33: Form(
        "Scores of leave-one-out models are pooled into one AUC",
        "guarded",
        "The AUC counts pairs that one fitted model ranked; folds without a pair have none.",
        ("test_metrics.py::test_auc_counts_the_pairs_of_each_fitted_model",
         "test_metrics.py::test_folds_with_one_class_each_hold_no_pair",
         *here("test_leaving_one_out_has_no_auc_and_says_why")),
    ),
    34: Form(
        "The alphabet decides which class is positive",
        "refused",
        "`positive` must be given and is the last class everywhere.",
        (REFUSED,
         "test_metrics.py::test_the_positive_class_is_the_last_whatever_the_alphabet_says"),
    ),
    35: Form(
        "A store serves an older file's or another fold's result",
        "guarded",
        "Keys are hashes of contents, settings, versions of formulas and splits.",
        ("test_extraction.py::test_a_file_replaced_under_its_old_time_and_size_is_measured_again",
         "test_evaluate.py::test_the_identity_of_a_unit_holds_all_that_decides_it_and_nothing_else"),
    ),
    36: Form(
        "Features, labels, groups and covariates are matched by position",
        "guarded",
        "Everything is joined by cohort, participant and session, and sorted.",
        ("test_run.py::test_features_are_joined_by_person_never_by_position",
         "test_evaluate.py::test_bits_do_not_depend_on_the_order_rows_were_given_in"),
    ),
    37: Form(
        "Weights explained on everybody choose the features",
        "proven",
        "Weights and patterns are those of the training fold; nothing reads them back.",
        here("test_weights_and_patterns_are_of_the_training_rows",
             "test_no_setting_reads_a_result_back"),
    ),
    38: Form(
        "An external cohort is looked at, then tuned for",
        "guarded",
        "A locked cohort takes part in nothing until it is opened, and every look is written to a "
        "chained ledger before anything is fitted.",
        ("test_locked.py::test_until_it_is_opened_nothing_shows_or_uses_the_cohort",
         "test_locked.py::test_opening_changes_nothing_else_and_writes_down_the_look_before",
         "test_locked.py::test_a_ledger_that_was_changed_is_refused"),
    ),
}  # fmt: skip
"""By number, in the order in which reviewers ask."""

STEPS_PROVEN = {
    "impute": PIPELINES_CLEAN,
    "residualize": PIPELINES_CLEAN,
    "scale": PIPELINES_CLEAN,
    "combat": "test_combat.py::test_nothing_of_the_test_rows_is_learned",
    "coverage": LABEL_FREE,
    "variance": LABEL_FREE,
    "pca": LABEL_FREE,
    "select_anova": SELECTION,
    "select_elastic_net": SELECTION,
    "select_rfe": SELECTION,
    "select_stable": SELECTION,
    "tangent": "test_matrix_steps.py::test_neither_knows_anything_of_its_test_fold",
    "partial": "test_matrix_steps.py::test_neither_knows_anything_of_its_test_fold",
    "hub_disruption": "test_hub_disruption.py::"
    "test_the_audit_finds_no_leak_and_the_planted_difference_is_learned",
}  # fmt: skip
"""The test that spoils what each step of a preparation may not see."""
