"""Every text a user reads stands in TEXT, how numbers look stands below it. Rupiah have dots (Rp 1.250.000), counts commas."""

TEXT = {
    # bad input and trouble
    "too_small": "{place}: {key} = {value}: too small, lever '{lever}' needs {needed:_} in its first week; allowed: {needed:_} or more",
    "range": "{option} {value}: not allowed; allowed: {allowed}",
    "whole": "a whole number from {low:,} to {high:,}",
    "above_zero": "a number above 0",
    "replicates_why": " (for more, split them over several seeds)",
    "unknown": "{what} {value}: not known{hint}; known: {known}",
    "out_file": "--out {path}: is a file, or below one; allowed: a new or empty folder, or one that sadar wrote",
    "out_denied": "--out {path}: {why}; allowed: a new or empty folder, or one that sadar wrote",
    "stopped": "stopped; an unfinished run leaves no files",
    "crashed": "internal error: {error}; the traceback is in {path}",
    "scheduler_lost": "{why}; the runs that are finished are kept: sadar resume DIR goes on",
    "too_large": "not enough memory: {why}; take fewer workers, replicates or weeks",
    "warning": "warning: {what}",
    # progress
    "compile": "compiling the model, once, about half a minute",
    "prepare": "preparing the village",
    "runs": "runs of {name}",
    # list
    "cases": "Cases", "villages": "Villages", "campaigns": "Campaigns", "schemes": "Schemes", "behaviors": "Behavior", "levers": "Levers", "designs": "Designs",
    "name": "name", "title": "title",
    "list_hint": "`sadar run NAME` runs a case. Every one is a TOML file: copy it, change it, give its path.",
    # check and show
    "valid": "{name}: valid",
    "period": "{start} to {until}: {steps} steps, after {burn_in} steps without campaign",
    "village": "{title}: {workers} workers ({women} women) in {households} households and {communities} communities; {leaders} leaders; "
    "{agent_candidates} people who could become Perisai",
    "occupations": "occupations: {list}",
    "groups": "members of: {list}",
    "network": "ties a worker: {degree_mean:.1f} (asked {degree:g}), sd {degree_sd:.1f}; clustering {clustering:.2f} (asked {asked:g}); "
    "across communities {bridging_share:.0%} (asked {bridging:.0%})",
    "files": "read: {list}",
    "hash": "scenario {hash}",
    "lever_title": "Levers", "no_levers": "no levers", "lever": "lever", "from": "from", "to": "to", "end": "the end", "for": "workers",
    "payer": "payer", "does": "what it does, unit costs", "grade": "evidence", "cost": "cost", "key": "key", "value": "value",
    "unit": "unit", "source": "source", "values_title": "Every value",
    "diff_title": "What differs from {other}", "same": "nothing differs from {other}", "there": "there", "here": "here",
    "gantt_title": "Lever calendar: a sign a week, ■ with an event, ─ running",
    "gantt_rest": "unchanged until {until}: {list}", "gantt_more": "{weeks} more weeks: see --json", "nothing": "nothing",
    "certain_title": "Certain money, whoever joins: fixed, monthly and event costs in Rp", "month": "month", "total": "total",
    "no_certain": "No fixed, monthly or event costs.",
    "depends_title": "Money that hangs on people: contacts if all come who are expected, the rest at its worst",
    "most": "at most", "how": "reckoned as", "kind": "kind",
    "limit": "{what} {limit}, certain costs {certain}{verdict}", "budget": "budget", "ceiling": "monthly ceiling (dearest month)",
    "over": ": MORE than there is, some of it cannot be done", "within": "",
    "contacts": "people reached", "registrations": "help with registering", "gifts": "gifts", "sponsored": "contributions paid",
    "months_off": "months off", "discount": "running discount", "group_fund": "group fund", "commission": "commission",
    "how_contacts": "{weeks} events x {each} people x {unit}",
    "how_registrations": "all {people} register once x {unit}",
    "how_gifts": "all {people} register once x {unit}",
    "how_sponsored": "{people} on the list x {months} months x {unit}, renewed each time",
    "how_months_off": "all {people} register x {months} months x {unit}",
    "how_discount": "all {people} are members x {months} months x {unit}",
    "how_group_fund": "the fund pays for all {people} x {months} months x {unit}",
    "how_commission": "all {people} register with an agent at once and pay {months} months",
    # schedule
    "schedule": "One week, in order", "number": "", "function": "function", "reads": "reads", "writes": "writes", "step_does": "does",
    # run
    "run_head": "{title}\n{campaign}; {workers} workers, {start} to {until}; runs: {runs}",
    "month_n": "month {n}", "on_day": "{month} ({day})", "at_end": "end ({day})", "at_start": "start",
    "people_title": "Workers (of {workers})", "registered": "registered, ever", "active": "active: cover in force",
    "paying": "paying out of their own pocket", "paying_share": "  the same, of all workers",
    "aware": "know of the program", "understanding": "mean understanding",
    "funnel_title": "Funnel: workers who came at least as far as",
    "knowledge": "1 knowledge", "persuasion": "2 persuasion", "decision": "3 decision: tried to register",
    "implementation": "4 implementation: registered", "confirmation": "5 confirmation: paid for months",
    "attempts_title": "Attempts to register since the start", "attempts": "attempts", "failures": "  failed: papers, office, form",
    "cash_failures": "  failed: no cash in hand", "attempt_failure_share": "  failed, of all attempts",
    "attempted": "workers who ever tried", "attempted_registered_share": "  registered, of these", "reentries": "came back after a lapse",
    "staying_title": "Staying", "persistency_13": "13th-month persistency", "persistency_13_cohort": "  workers whose 13th month fell due",
    "stock_retention_12": "paid a year ago, active now", "retained": "registered since the start, active", "stops": "stops of cover",
    "lapses": "lapses",
    "cost_title": "Cost since the start of each, Rp", "campaign_per_registered_rp": "registration, campaign money",
    "campaign_per_person_month_rp": "person-month of cover, the same", "campaign_per_retained_rp": "retained worker, the same",
    "levers_per_registered_rp": "registration, all payers", "levers_per_person_month_rp": "person-month of cover, the same",
    "levers_per_retained_rp": "retained worker, the same",
    "cover_title": "Active workers, of each group", "sex": "sex", "occupation": "occupation", "income_fifth": "income fifth",
    "poorest": "1 poorest", "richest": "5 richest", "concentration_index": "concentration: -1 all poorest, 0 equal, +1 all richest",
    "channel_title": "First heard by: of registrations and returns since the start",
    "observed_title": "Observed and simulated", "what": "what", "date": "date", "observed": "observed", "simulated": "simulated",
    "verdict": "verdict", "match": "within", "miss": "MISS {off:+.0%}", "in_runs": "{share:.0%} of runs within", "words": "words only",
    "outside": "not in the run",
    "money_title": "Money by lever until {until}, Rp", "money": "Rp", "levers_rp": "all levers",
    "campaign_rp": "  of it campaign money: branch, village, regency, company", "commission_rp": "  of it commission paid by the scheme",
    "subsidies_rp": "  of it contributions paid for workers", "contributions_rp": "contributions paid by workers and their ties",
    "claims_rp": "claims paid out",
    "unmet_title": "Could not be funded under budget or ceiling, Rp", "unmet_none": "All that was asked of the budget could be funded.",
    "problem": "CAUTION, counts or books do not add up: {what}",
    "closing": "seed {seed}, run id {run_id}, runs: {runs}, {seconds:.1f} s; written: {files}", "no_files": "nothing (give --out DIR)",
    # how sure
    "behavior_line_point": "behavior: one set of numbers (--behavior point)",
    "behavior_line_none": "behavior: one set of numbers; no posterior is shipped",
    "behavior_line_drawn": "behavior: a draw of its own for each run, of {draws} in the posterior {digest}; numbers drawn: {keys}",
    "behavior_line_kept": "; as the scenario sets them: {list}",
    "grades_line": "Key inputs: {measured} measured, {expert} expert, {guess} guess ({inputs}: behavior {behavior}, village {village}, levers "
    "{levers}).", "figure_grades": "Key inputs: {measured} measured, {expert} expert, {guess} guess.",
    "sure_luck": "How sure: {note} These ranges are luck only, they leave out what is unknown about people. Good for comparing campaigns, not "
    "for forecasts.",
    "sure_drawn": "How sure: {note} They leave out what the model itself may have wrong.",
    "compare_sure_luck": "How sure: intervals are luck over villages of one kind; what is unknown about people is not in them.",
    "compare_sure_drawn": "How sure: each village has a draw of behavior of its own, the same for all campaigns: intervals hold luck and what is "
    "unknown about people, for the mean over both. They leave out what the model itself may have wrong.",
    "compare_sure_pairs": "'Same luck saves x 10': without the same luck ten times as many villages would be needed.",
    "luck_title": "Why the runs differ, {when}: shares of the variance (95 %), rough: from {twins} runs done twice with the same behavior",
    "luck_differences_title": "Why the villages differ in these differences: shares of the variance (95 %), rough: from {twins} done twice",
    "luck": "luck", "unknown_behavior": "what is unknown about people",
    "luck_sentence": "Of the variance of active workers luck is {luck}, what is unknown about people {behavior}.",
    "almost_none": "almost nothing", "tenth": "about a tenth", "quarter": "about a quarter", "third": "about a third", "half": "about half",
    "two_thirds": "about two thirds", "three_quarters": "about three quarters", "mostly": "most", "almost_all": "almost all",
    # compare
    "to_word": "to", "days": "days",  "campaign": "campaign", "spend": "spent",
    "per_registered": "a registration", "per_person_month": "a person-month", "per_retained": "a retained worker",
    "best": "best on average: how sure", "wins": "best in villages", "mean": "mean (95 %)",
    "pair": "pair", "difference": "difference (95 %)", "difference_points": "difference in percentage points (95 %)", "more_in": "more in", "each_more": "Rp for each more (95 %)", "more_money": "campaign money, Rp", "further_title": "What each further one costs: {outcome}", "cheaper_more": "brings more, costs less", "dearer_less": "costs more, brings less", "luck_saves": "same luck saves",
    "compare_ahead": "{campaigns}: {first} pairs of villages, about {first_time}",
    "compare_ahead_more": "{campaigns}: {first} pairs of villages first (about {first_time}), then as many as the half-width asks, at most "
    "{most} (about {most_time})",
    "compare_head": "{title}\n{label}, {when}; {pairs} villages, each under every campaign with the same luck",
    "campaigns_title": "Campaigns: {outcome}, mean with 95 % interval",
    "result_cost_title": "Cost since the start of each, Rp of campaign money (95 %)",
    "differences_title": "Differences in {outcome}, village by village", "minus": "{a} - {b}", "told_apart": "told apart",
    "not_told_apart": "cannot be told apart", "all_luck": "all luck", "times": "x {ratio}", "and_more_rows": "... {count} more: see --json",
    "at_once": "Each interval holds for its pair alone, 'told apart' for all {count} pairs at once: a pair may lie beside 0 and not be told.",
    "verdict_line": "Verdict: {verdict}.",
    "precision_met": "Half-width asked: {asked}; reached: {reached} with {pairs} pairs.",
    "precision_missed": "Half-width asked: {asked}; reached only {reached} with {pairs} pairs, about {needed} are needed: raise --max-pairs.",
    "budget_head": "Levers scaled so that each campaign spends {budget} on average:",
    "budget_line": "  {name}: spends {spend}, size x {factor:.2f}: {changes}",
    "compare_closing": "seed {seed}, run id {run_id}, pairs: {pairs}, {seconds:.1f} s; written: {files}",
    "stage_budget": "fitting the budgets", "stage_first": "first pairs", "stage_rest": "pairs",
    # sweep, resume, extend, results
    "sweep_head": "{title}: {levers} choices of levers x {states} states of the world x {replicates} replicates = {runs} runs",
    "levers_line": "  we choose {path}: {values}", "uncertainties_line": "  unknown {path}: {values}", "outcomes_line": "  outcomes: {list}",
    "drawn": "{low} to {high}{scale}, {count} {method}", "leveled": "{low} to {high}{scale}, {count} values", "log_scale": " (log)",
    "latin_hypercube": "drawn (Latin hypercube)", "sobol": "drawn (Sobol)",
    "sweep_time": "{left} runs to do, about {time}", "sweep_nothing": "nothing to do: all runs are there",
    "sweep_runs": "runs", "sweep_rate": "{rate:.1f} runs/s", "sweep_failed": "{failed} failed",
    "sweep_stopped": "stopped; {done} of {runs} runs are kept; go on with: sadar resume {folder}",
    "results_title": "{title}: mean over states of the world and luck ({range})", "runs_word": "runs", "failed_word": "failed",
    "spread_5_95": "5-95 % of runs", "spread_all": "smallest and largest run", "choice": "choice of levers",
    "results_none": "{title}: no run is done yet", "with_lever": "yes", "without_lever": "no", "in_juta": ", juta Rp",
    "more_outcomes": "Also kept, see --json or --export: {list}",
    "results_line": "sweep {sweep_id}: {done} of {runs} runs done, {failed} failed", "failed_line": "  {count} x {reason}",
    "missing_line": "runs still missing: {missing}; if nothing is at work on them: sadar resume {folder}", "written": "written: {files}",
    "failed_hint": "to try the failed ones again: sadar resume {folder} --retry-failed",
    "export_name": "--export {path}: not allowed; allowed: a file that ends in .csv or .parquet",
    "figure_name": "--figure {path}: not allowed; allowed: a file that ends in .png, .svg or .pdf",
    "file_denied": "{option} {path}: {why}; allowed: a file in a folder that can be written to",
    # branch and replay
    "branch_saved": "{title} until {day}: {replicates} states in {folder}, run id {run_id}; go on with: sadar compare {folder} --with CAMPAIGN",
    "branch_stopped": "stopped; {folder} is not complete; the same command fills it again from the start",
    "differs_title": "What differs", "then": "then", "now": "now", "change": "change",
    # verify
    "verify_title": "The model against mathematics, reference runs and hand calculation", "check": "check", "expected": "expected", "got": "got",
    "tolerance": "tolerance", "ok": "ok", "failed_check": "FAILED", "verify_failed": "FAILED {check}: {note}", "verify_skipped": "not checked, {check}: {note}",
    "verify_closing": "{passed} passed, {failed} failed, {skipped} not checked; seed {seed}. What each did: --json.",
    # trials, forecasts, cases
    "trials": "Trials", "trial_draws": "draws of trials", "trial_id": "row", "trial_what": "what", "trial_measured": "measured (SE)", "trial_simulated": "simulated",
    "trial_range": "95 % of draws", "trial_z": "z", "trial_inside": "verdict", "trial_within": "inside", "trial_outside": "OUTSIDE", "sign_wrong": "SIGN WRONG", "null_ok": "null holds",
    "null_broken": "NULL BROKEN", "trials_title": "Simulated beside measured (percentage points; ratios as they are)",
    "summary_title": "Studies, and what the simulation has to beat (mean absolute error of effects, percentage points)",
    "summary_study": "study", "summary_measured": "rows", "summary_mae": "simulation", "summary_mae_zero": "no effect", "summary_mae_same_lever": "same lever elsewhere",
    "summary_mae_logit": "logit", "summary_within_2": "|z| <= 2", "summary_inside_share": "inside", "summary_sign_share": "signs right", "summary_null_share": "nulls hold",
    "trial_missed_fit": "{trial}: arm {arm} was met in {met_share:.0%} of draws only (median miss {median_miss:.3f}): its context cannot show what was measured there",
    "trials_closing": "{draws} draws, seed {seed}, behavior: {behavior}. z = (simulated - measured) / sqrt(se² + sd² + 3²); inside: the measured lies in the middle 95 % of "
    "simulated plus its own error. Only the control arm was fitted, in every draw. `--left-out`: each study under a behavior that has not seen it.",
    "trials_saved": "{out}: scores.csv, summary.csv, fits.csv, provenance.json, forest.png",
    "forest_title": "Field trials: measured and simulated", "forest_points": "effect or level, percentage points", "forest_ratio": "ratio",
    "forest_key": "Black dot: measured, with 95 % interval. Blue square: simulated, with the middle 95 % of draws; hollow where calibration never sees the number. "
    "Only the control arm is fitted.",
    "forest_caption": "{within} of {measured} measured rows lie within |z| 2, {inside:.0%} inside the simulated 95 %. Mean absolute error of effects {mae:.1f} points; no effect {zero:.1f}, "
    "same lever elsewhere {lever:.1f}, logit {logit:.1f}. {rows} rows, {draws} draws each, seed {seed}, behavior: {behavior}.",
    "behavior_posterior": "posterior", "behavior_point": "one set of numbers",
    "forecast_title": "{title}: forecast of {date}", "forecast_key": "Dot: median. Thick and thin bars: the middle 50 and 95 % of draws (behavior, open context, luck).",
    "forecast_levels": "share, percent", "forecast_gaps": "difference, percentage points", "forecast_caption": "{draws} draws, seed {seed}. SHA-256 {sha}",
    "forecast_written": "{path}: the forecast, with its page (.md) and picture (.png). SHA-256 {sha}",
    "cases_title": "The five cases: reported beside simulated", "case_word": "case", "measure_word": "measure", "date_word": "date", "observed_word": "reported", "median_word": "median",
    "case_picked": "2nd best of 201", "case_rank": "reported is above", "words_only": "words only",
    "cases_key": "Black: reported, with the tolerance of its source. Blue: the middle 95 % of runs of such a village. Orange: the second best of 201 such villages, which is what Lerep and Hessa were.",
    "cases_closing": "Behavior and luck differ from run to run. Lerep and Hessa are the best two of the 201 villages of 2018: the range to hold them against is that of the second best of 201.",
    # calibrate, network, evidence
    "observed_missing": "--observed: missing; needed: the office's table for this village (month, new_members, active, paying)",
    "village_missing": "--observed: has no place without a village; needed: sadar calibrate VILLAGE --observed TABLE.csv",
    "fit_saved": "{folder}: village.toml (extends the village), draws.csv, context.csv, months.csv, score.csv, fit.png, fit.json",
    "posterior_written": "{path}: the posterior that run and compare draw from, with posterior.toml and without/STUDY.csv",
    "learned_title": "What the trials say of behavior", "learned_key": "parameter", "learned_prior": "prior median", "learned_median": "posterior median",
    "learned_interval": "90 % interval", "learned_contraction": "contraction", "learned_verdict": "verdict",
    "covered": "In {worlds} synthetic worlds 90 % intervals cover the planted truth in {overall:.1%} ({low:.1%} to {high:.1%}); where the data inform a parameter, {informed:.1%}.",
    "network_saved": "{out}: scores.csv, differences.csv, influence.csv, rates.csv, networks.png", "evidence_written": "{path}",
    # figures of comparisons and sweeps
    "figure_head": "{label}, {when}. {pairs} villages, each under every campaign with the same luck.",
    "figure_outcome": "{label}: mean and 95 % interval", "figure_cost": "Campaign money for each retained worker{unit}: 95 % interval", "in_rp": ", Rp",
    "figure_no_value": "no value", "figure_no_spend": "spends nothing", "figure_best": "best", "figure_maybe": "may be best",
    "figure_none_costs": "No campaign spends anything.",
    "figure_differences": "Differences village by village{points}: mean and 95 % interval",
    "figure_against": "Differences from {name} village by village{points}: mean and 95 % interval", "figure_points": " in percentage points",
    "figure_sides": "left of 0: the first of the two has less; right of 0: it has more", "figure_less": " Less is better.",
    "figure_left_out": "{count} more pairs: sadar compare --json.",
    "figure_at_once": "Intervals hold one by one, 'told apart' for all {count} pairs at once.",
    "figure_compare_caption": "Seed {seed}, {pairs} villages, run id {run_id}. Told apart or not is seen in the differences, not in the bars "
    "above them. {sure}",
    "figure_compare_luck": "Intervals are luck alone: what is unknown about people is not in them ({behavior}).",
    "figure_compare_drawn": "Intervals hold luck and what is unknown about people.",
    "figure_sweep_missing": "Runs still missing: {missing}.", "figure_sweep_failed": "Runs that failed and are left out: {failed}.",
    "figure_all_runs": "all runs", "figure_choices": "{choices} choices of levers, over states of the world and luck: mean, and {range}",
    "figure_one_choice": "Over states of the world and luck: mean, and {range}",
    "figure_most": "The {shown} of {choices} choices of levers with most '{label}', over states of the world and luck: mean, and {range}",
    "figure_influence": "What moves them: rank correlation over all runs (hollow: cannot be told from luck)",
    "figure_correlation": "-1: the more of it, the less; +1: the more of it, the more (choices in words: 0 to 1)",
    "figure_levers": "{name} (we choose)", "figure_uncertainties": "{name} (unknown)", "figure_influence_more": "Weaker, left out: {list}.",
    "figure_sweep_caption": "Sweep {sweep_id}, {runs} of {total} runs. Ranges are of single runs: where they overlap, the means may differ "
    "all the same; sadar compare tells. Behavior is one set of numbers, unless the design varies it.",
    # outcomes in words
    "label_aware": "know of the program", "label_registered": "registered, ever", "label_active": "active: cover in force",
    "label_paying": "paying out of their own pocket", "label_active_share": "active, of all workers",
    "label_registered_share": "registered, of all workers", "label_aware_share": "know of the program, of all workers",
    "label_paying_share": "paying out of their own pocket, of all workers",
    "label_understanding_mean": "mean understanding", "label_registrations": "registrations since the start",
    "label_retained": "registered since the start, active", "label_active_person_months": "person-months of cover since the start",
    "label_new_person_months": "person-months of cover, registered since the start", "label_persistency_13": "13th-month persistency",
    "label_stock_retention_12": "paid a year ago, active now", "label_campaign_rp": "campaign money", "label_levers_rp": "cost of all levers",
    "label_contributions_rp": "contributions paid by workers", "label_claims_rp": "claims paid out",
    "label_campaign_per_registered_rp": "campaign money for each registration",
    "label_campaign_per_person_month_rp": "campaign money for each person-month",
    "label_campaign_per_retained_rp": "campaign money for each retained worker",
    "label_levers_per_registered_rp": "cost of all levers for each registration",
    "label_levers_per_person_month_rp": "cost of all levers for each person-month",
    "label_levers_per_retained_rp": "cost of all levers for each retained worker",
    # figure
    "workers": "workers", "figure_stages": "Workers by stage, and all ever registered: {range}",
    "figure_funnel": "Funnel, {when}: workers who came at least as far as", "figure_money": "Money by lever until {until}",
    "figure_unit": "juta (million) rupiah", "figure_campaign": "campaign", "figure_goes_on": "only open-ended levers",
    "figure_observed": "observed: {value} registered, tolerance {tolerance:.0%}", "figure_no_cost": "Without cost: {list}.",
    "figure_more": "{count} smaller levers together: {rp}.", "figure_and_more": "and {count} more",
    "figure_no_money": "No lever costs anything.",
    "figure_caption": "Seed {seed}, runs: {runs}, run id {run_id}. {note} {sure} {grades}",
    "figure_luck": "Ranges are luck only ({behavior}).", "figure_drawn": "{luck}",
    "range_runs": "median and 5-95 % range", "range_all": "median, smallest and largest run", "range_one": "one run",
    "ever": "registered, ever",
    "figure_stage_names": "unaware,knowledge,persuasion,decision,implementation,confirmation,rejected,lapsed",
    "payer_names": "branch,village,regency,company,group,scheme,worker,ties",
}  # fmt: skip


def text(key: str, /, **values) -> str:
    """The message of a key, its places filled in."""
    return TEXT[key].format(**values) if values else TEXT[key]


def number(value) -> str:
    """A count: 1,500; no digits after the point from 10 on."""
    if value is None or value != value:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:,.1f}"


def rupiah(value) -> str:
    """Rp 1.250.000, the Indonesian way."""
    return "-" if value is None or value != value else "Rp " + dots(value)


def dots(value) -> str:
    return f"{value:,.0f}".replace(",", ".")


def percent(value) -> str:
    return "-" if value is None or value != value else f"{value:.0%}" if abs(value) >= 0.1 or value == 0 else f"{value:.1%}"
