"""Two languages: the same keys with the same places, nothing left untranslated, and not a digit that differs."""

import datetime as dt
import json
import re
import string
import threading
import typing
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from experiments.calibrating import identify, village_context, village_recording, village_tables
from experiments.cli import app
from experiments.commands import helping
from experiments.languages import english, indonesian, indonesian_errors, indonesian_help, indonesian_names, indonesian_parameters
from experiments.languages.indonesian_titles import TITLES
from experiments.screens import glossary, labels, names, words
from experiments.verify import CHECKS
from scenarios.loader import load
from scenarios.reading import names as shipped
from scenarios.trials import load_trial
from simulation import outcomes, stages
from simulation.document import SCHEDULE
from simulation.parameters import InputError, walk

ROOT = Path(__file__).parent.parent
RESERVE = sorted((ROOT / "scenarios/trials/reserve").glob("*.toml"))
#: keys whose text is the same in both languages: international words, signs, and names of files
INTERNATIONAL = {
    "within", "number", "on_day", "money", "minus", "times", "log_scale", "in_juta", "in_rp", "failed_line", "trial_z", "summary_mae_logit", "summary_within_2",
    "trials_saved", "network_saved", "behavior_posterior", "median_word", "learned_key", "evidence_written", "figure_drawn",
}  # fmt: skip
SMALL = ["village.workers=200", "burn_in_weeks=10", "village.median_value_rp=27000.0", "village.forget_prob=0.02", "village.start_coverage_share=0.04"]
TINY = ["lerep", *(part for item in SMALL for part in ("--set", item)), "--until", "2018-11-20"]


def places(template: str) -> list:
    """What is filled in, and how it is written."""
    return sorted((name, spec) for _, name, spec, _ in string.Formatter().parse(template) if name is not None)


@pytest.fixture
def sadar(tmp_path, monkeypatch):
    """Run a command in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def sadar(*args: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, list(args), prog_name="sadar")
        return done.exit_code, done.stdout, done.stderr

    return sadar


# ------------------------------------------------------------------ nothing is left untranslated


def test_both_languages_have_the_same_keys_with_the_same_places():
    assert english.TEXT.keys() == indonesian.TEXT.keys() and len(english.TEXT) > 450
    differ = [key for key in english.TEXT if places(english.TEXT[key]) != places(indonesian.TEXT[key])]
    assert not differ
    empty = {key for key, said in indonesian.TEXT.items() if not said.strip()}
    assert empty == {key for key, said in english.TEXT.items() if not said.strip()} == {"within", "number"}


def test_no_text_is_the_english_one_unless_it_is_international():
    assert {key for key in english.TEXT if english.TEXT[key] == indonesian.TEXT[key]} == INTERNATIONAL


def test_texts_keep_spaces_at_their_ends_and_signs_between():
    for key, said in english.TEXT.items():
        other = indonesian.TEXT[key]
        assert (len(said) - len(said.lstrip()), said.count("\n")) == (len(other) - len(other.lstrip()), other.count("\n")), key
        assert other.endswith(".") or not said.endswith("."), key


def test_every_key_that_the_program_asks_for_is_there():
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "experiments").rglob("*.py"))
    asked = set(re.findall(r'\btext\(\s*"(\w+)"', code))
    assert len(asked) > 200 and not asked - english.TEXT.keys()


def test_every_parameter_and_unit_is_translated():
    fields = dict(walk())
    assert indonesian_parameters.PARAMETERS.keys() == fields.keys()
    assert not [path for path, said in indonesian_parameters.PARAMETERS.items() if not said or said == fields[path].description]
    units = {(field.json_schema_extra or {}).get("unit", "-") for field in fields.values()} | {unit for unit, _, _ in outcomes.MEASURES.values()}
    units |= {kind.unit for kind in (*village_context.VILLAGE.values(), village_context.NEED, village_context.REACH)}
    assert not units - indonesian_names.UNITS.keys()


def test_every_measure_is_translated():
    assert indonesian_names.MEASURES.keys() == outcomes.MEASURES.keys()
    assert all(name and meaning and meaning != outcomes.MEASURES[key][2] for key, (name, meaning) in indonesian_names.MEASURES.items())
    short = [name for name, _ in indonesian_names.MEASURES.values()]
    assert not english.MEASURES.keys() - outcomes.MEASURES.keys() and {n for n in short if short.count(n) > 1} <= {"klaim dibayar"}


def choices(annotation) -> tuple[str, ...]:
    """The words of a Literal, however deep."""
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    return tuple(word for inner in typing.get_args(annotation) for word in choices(inner))


def test_every_code_has_a_name():
    of, lower = indonesian_names.NAMES, lambda codes: {code.name.lower() for code in codes}
    assert of["stage"].keys() == lower(stages.Stage) and of["source"].keys() == lower(stages.Source) and of["payer"].keys() == lower(stages.Payer)
    assert of["item"].keys() == lower(stages.Item) and of["membership"].keys() == lower(stages.Membership) and of["leader"].keys() == lower(stages.LeaderKind)
    assert of["adopter"].keys() == {"not_registered", *outcomes.CATEGORIES}
    kinds = {"payer": "payer", "grade": "grade", "sex": "sex", "membership": "membership", "channel": "channel", "kind": "channel", "credibility": "credibility",
             "kinds": "leader"}  # fmt: skip
    for path, field in walk():
        if found := choices(field.annotation):
            assert not set(found) - of[kinds[path.rpartition(".")[2]]].keys(), path
    assert of["mechanism"].keys() == {path.rpartition(".")[2] for path, field in walk() if "Mechanism" in str(field.annotation)}
    assert not set(identify.VERDICTS) - of["learned"].keys()
    context = {*village_context.VILLAGE, "need_share", "reach_ratio", village_tables.AT_START, *village_recording.ERRORS}
    assert of["context"].keys() == context
    assert indonesian_names.SCHEDULE.keys() == {step.function for step in SCHEDULE}
    assert of["check"].keys() == {check.name for check in CHECKS}
    from experiments.running.keys import catalog

    grouped = [(kind, set(groups)) for kinds in catalog().values() for kind, (_, groups) in kinds.items()]
    assert of["group_kind"].keys() == {kind for kind, _ in grouped}
    for kind, groups in grouped:
        assert kind in ("all", "community", "lever", "contribution", "occupation") or not groups - of[kind].keys(), kind


def test_every_shipped_title_is_translated():
    kinds = ("case", "village", "campaign", "scheme", "behavior", "design", "trial", "lever")
    titles = {title for kind in kinds for _, title, _ in shipped(kind)}
    used = {lever.title for name, _, _ in shipped("case") for lever in load(name).parameters.campaign.levers}
    seen = {o.text for name, _, _ in shipped("case") for o in load(name).observed}
    rows = {m.text for name, _, _ in shipped("trial") for m in load_trial(name).head.measured}
    reserve = {load_trial(str(path)).head.title for path in RESERVE}
    needed = {*titles, *used, *seen, *rows, *reserve, "no campaign"} - {""}
    assert not needed - TITLES.keys()
    assert all(TITLES.values()) and len(needed) > 150


def test_no_title_is_kept_that_nobody_has():
    files = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "scenarios").rglob("*.toml"))
    assert [title for title in TITLES if f'"{title}"' not in files and title != "no campaign" and "months" not in title and "auto-debit" not in title] == []


def test_every_occupation_of_a_shipped_village_has_a_name():
    found = {o.name for name, _, _ in shipped("village") for o in load(name).parameters.village.occupations}
    assert not found - indonesian_names.NAMES["occupation"].keys()


def test_all_help_is_translated_and_no_other_is_kept():
    group = get_command(app)
    helps = {"Show this message and exit."}
    for command in (group, *group.commands.values()):
        helps |= {command.help, *(param.help for param in command.params)}
        assert "--lang" in {name for param in command.params for name in param.opts}
    assert helps == indonesian_help.HELP.keys() and all(indonesian_help.HELP.values())


def test_the_glossary_is_whole():
    terms = [word.term for word in glossary.WORDS]
    assert len(terms) == len(set(terms)) >= 40
    assert all(word.id and word.en and word.id != word.en for word in glossary.WORDS)
    needed = {"peserta", "peserta BPU", "iuran", "JKK", "JKM", "tokoh masyarakat", "agen Perisai", "bank sampah", "arisan", "PKH", "RT/dusun", "sosialisasi", "tunggakan",
              "klaim", "ahli waris", "santunan", "kepesertaan aktif", "Desa Sadar Jaminan Sosial"}  # fmt: skip
    assert needed <= set(terms)
    assert [word.term for word in glossary.glossary("ahli waris")] == ["ahli waris", "JKM", "santunan"]


# ------------------------------------------------------------------ numbers and dates

FORMS = [
    (words.number, 1250, "1,250", "1.250"),
    (words.number, 2.5, "2.5", "2,5"),
    (words.number, float("nan"), "-", "-"),
    (words.rupiah, 1_250_000, "Rp 1.250.000", "Rp 1.250.000"),
    (words.percent, 0.125, "12%", "12 %"),
    (words.percent, 0.0256, "2.6%", "2,6 %"),
    (words.date, dt.date(2026, 5, 5), "2026-05-05", "5 Mei 2026"),
    (words.date, "2018-08-17", "2018-08-17", "17 Agustus 2018"),
    (words.date, "end", "end", "end"),
    (lambda day: words.date(day, short=True), "2018-12-01", "2018-12-01", "1 Des 2018"),
    (words.month, "2018-08", "2018-08", "Agu 2018"),
    (words.months, "May", "May", "Mei"),
    (lambda x: words.form(x, ".1%"), 0.125, "12.5%", "12,5 %"),
    (lambda x: words.form(x, ",.2f"), 1234.5, "1,234.50", "1.234,50"),
    (lambda x: words.form(x, "_"), 2_850_000, "2_850_000", "2_850_000"),
    (words.form, "a, b.", "a, b.", "a, b."),
    (labels.juta, 1_234_500_000, "1.234,5", "1.234,5"),
    (labels.duration, 200, "3.3 min", "3,3 mnt"),
    (labels.marked("active_share"), 0.125, "12.5%", "12,5 %"),
    (labels.amount("adopter_income_fifth"), 2.25, "2.2", "2,2"),
    (lambda day: labels.when("12", day), "2019-08-01", "month 12 (2019-08-01)", "bulan 12 (1 Agustus 2019)"),
    (labels.label, "active@12/sex=female", "active: cover in force, month 12, sex female", "peserta aktif, bulan 12, jenis kelamin: perempuan"),
    (names.unit, "Rp/month", "Rp/month", "Rp/bulan"),
    (names.titled, "Perisai agent + Complaint desk", "Perisai agent + Complaint desk", "Agen Perisai + Meja pengaduan"),
    (names.titled, "A plan of mine", "A plan of mine", "A plan of mine"),
    (lambda code: names.named("occupation", code), "farm_labor", "farm_labor", "buruh tani"),
    (lambda code: names.named("occupation", code), "pearl_diver", "pearl_diver", "pearl_diver"),
    (names.meaning, "aware", "not UNAWARE at the date", indonesian_names.MEASURES["aware"][1]),
    (names.described, "village.workers", "informal workers", "pekerja informal"),
]  # fmt: skip


@pytest.mark.parametrize(("show", "value", "in_english", "in_indonesian"), FORMS)
def test_numbers_dates_and_names_are_written_as_the_language_does(show, value, in_english, in_indonesian):
    assert show(value) == in_english
    with words.speaking("id"):
        assert show(value) == in_indonesian
    assert show(value) == in_english


def test_texts_write_their_numbers_so_too():
    given = {"done": 3, "rate": 1234.5}
    assert words.text("sweep_rate", **given) == "1234.5 runs/s" and words.text("whole", low=1, high=1000) == "a whole number from 1 to 1,000"
    with words.speaking("id"):
        assert words.text("sweep_rate", **given) == "1234,5 simulasi/dtk" and words.text("whole", low=1, high=1000) == "bilangan bulat dari 1 sampai 1.000"
        assert words.text("miss", off=-0.36) == "MELESET -36 %"


def test_a_language_is_of_its_context_alone():
    found = []
    with words.speaking("id"):
        other = threading.Thread(target=lambda: found.append(words.language()))
        other.start()
        other.join()
        with words.speaking("en"):
            assert words.text("runs_word") == "runs"
        assert words.language() == "id"
    assert (words.language(), found) == ("en", ["en"])
    with pytest.raises(RuntimeError), words.speaking("id"):
        raise RuntimeError
    assert words.language() == "en"


def test_the_variable_chooses_where_nothing_else_did(monkeypatch):
    monkeypatch.setenv("SADAR_LANG", "id")
    assert words.text("runs_word") == "simulasi" and helping.asked(["list"]) == "id" and helping.asked(["list", "--lang", "en"]) == "en"
    with words.speaking("en"):
        assert words.text("runs_word") == "runs"
    monkeypatch.setenv("SADAR_LANG", "fr")
    with pytest.raises(InputError, match="SADAR_LANG fr: not allowed; allowed: id"):
        words.language()
    with pytest.raises(InputError, match="language xx"):
        words.use("xx")


# ------------------------------------------------------------------ the command line


@pytest.mark.parametrize("line", ["--lang id list levers", "list levers --lang id", "list --lang=id levers", "list levers --lang en --lang id"])
def test_lang_before_and_after_the_command(line, sadar):
    code, out, err = sadar(*line.split())
    assert (code, err) == (0, "") and "Sosialisasi di balai desa" in out and "Agen Perisai" in out and "judul" in out
    assert words.language() == "en"


@pytest.mark.parametrize("line", ["--lang fr", "run lerep --lang fr", "--lang=fr list", "list --lang", "list --lang="])
def test_a_bad_language_is_one_line_and_exit_code_2(line, sadar):
    code, out, err = sadar(*line.split())
    assert (code, out, err.count("\n")) == (2, "", 1) and "--lang" in err
    assert "requires" in err or "allowed: id (Bahasa Indonesia) or en (English)" in err


def test_the_variable_speaks_and_a_bad_one_is_one_line(sadar, monkeypatch):
    monkeypatch.setenv("SADAR_LANG", "id")
    assert "Kasus" in sadar("list")[1] and "Cases" in sadar("list", "--lang", "en")[1]
    monkeypatch.setenv("SADAR_LANG", "Indonesian")
    code, out, err = sadar("list")
    assert (code, out, err.count("\n")) == (2, "", 1) and "SADAR_LANG Indonesian" in err


def test_help_is_in_the_language_and_goes_back(sadar):
    for line in ("--lang id --help", "run --help --lang id", "compare -h --lang id"):
        code, out, _ = sadar(*line.split())
        assert code == 0 and "Pemakaian: sadar" in out and "Pilihan" in out and "bahasa tampilan" in out and "Tampilkan bantuan ini" in out
        assert "Options" not in out and "Show this message" not in out
    assert "[bawaan: 20]" in sadar("run", "--help", "--lang", "id")[1]
    out = sadar("run", "--help")[1]
    assert "Usage: sadar run" in out and "[default: 20]" in out and "Options" in out and "Show this message and exit." in out


SLIPS = [
    (["rum"], ["tidak ada perintah 'rum'", "Maksud Anda 'run'"]),
    (["run"], ["kurang argumen 'CASE_OR_FILE'"]),
    (["run", "lerep", "--sead", "3"], ["tidak ada pilihan --sead", "mungkin: --seed"]),
    (["run", "lerpe"], ["tidak ada skenario bernama", "maksud Anda 'lerep'?", "yang dikenal:"]),
    (["run", "lerep", "--seed", "x"], ["bilangan bulat dari 0 sampai 4.294.967.295"]),
    (["run", "lerep", "--set", "village.workers=0"], ["di luar rentang", "dari 1 sampai 20.000.000, satuan: pekerja (pekerja informal)"]),
    (["run", "lerep", "--set", "village.female_share=42"], ["tulis 42 % sebagai 0.42"]),
    (["check", "lerep", "hessa"], ["argumen berlebih (hessa)"]),
    (["glossary", "xyzzy"], ["tidak dikenal", "yang dikenal: "]),
]


@pytest.mark.parametrize(("line", "parts"), SLIPS, ids=[" ".join(line) for line, _ in SLIPS])
def test_slips_are_explained_in_indonesian(line, parts, sadar):
    code, out, err = sadar(*line, "--lang", "id")
    assert (code, out, err.count("\n")) == (2, "", 1)
    for part in parts:
        assert part in err


def test_phrases_of_messages_are_sound_and_leave_what_the_user_wrote():
    for pattern, _ in indonesian_errors.PHRASES:
        re.compile(pattern)
    with words.speaking("id"):
        assert names.problem("plan.toml, line 3: levers.x: what only English says") == "plan.toml, baris 3: levers.x: what only English says"
    assert names.problem("plan.toml, line 3: not allowed") == "plan.toml, line 3: not allowed"


def test_json_keeps_its_keys_and_numbers(sadar):
    told = [json.loads(sadar("run", *TINY, "--replicates", "2", "--json", "--lang", code)[1]) for code in ("en", "id")]
    assert told[0].keys() == told[1].keys() and told[0]["table"] == told[1]["table"] and told[0]["run_id"] == told[1]["run_id"]
    assert told[0]["measures"] == told[1]["measures"] and told[0]["note"] != told[1]["note"]


#: (command, its words of Indonesian)
SHOWN = [
    (["run", *TINY, "--replicates", "3"], "pernah terdaftar,perlindungan berlaku,jenis kelamin: perempuan,pekerjaan: petani,benih acak 1,Desa Lerep 2018: bank sampah membayar iuran,kantor cabang,dugaan"),
    (["compare", *TINY, "--with", "none", "--with", "own", "--with", "hessa-2018", "--pairs", "4"], "selisih (95 %),berbeda nyata,Kesimpulan:,dana kampanye,peserta aktif"),
    (["check", *TINY], "rumah tangga,pekerjaan: petani,bank sampah,1 Agu 2018"),
    (["show", *TINY], "Yang berbeda dari desa,Kalender intervensi,Biaya pasti,orang terjangkau,s.d. akhir,Agu 2018"),
    (["trials", "id-jkn", "--draws", "2", "--behavior", "point"], "terukur (SE),subsidi separuh,tanpa efek,satu set angka,semua"),
    (["schedule"], "menimbang tawaran,membaca"),
    (["list"], "Kasus,Uji lapangan,Desa Hessa Air Genting 2018: peraturan"),
]  # fmt: skip


def digits(shown: str, code: str) -> list[str]:
    """All numbers in a screen, without the signs that languages differ in; dates as day, month, year; run ids and times apart."""
    shown = re.sub(r"[\d.,]+ (s|dtk|min|mnt)\b(?!\.d)", "", shown)
    shown = re.sub(r"(\d{4})-(\d\d)-(\d\d)", lambda d: f"{int(d[3])} {int(d[2])} {d[1]}", shown)
    shown = re.sub(r"\b(\d{4})-(\d\d)\b", lambda d: f"{int(d[2])} {d[1]}", shown)
    if code == "id":
        for number, name in enumerate(words.MONTHS, 1):
            shown = re.sub(rf"\b({name}|{name[:3]})\b", str(number), shown)
    return [re.sub(r"[.,]", "", found) for found in re.findall(r"\d[\d.,]*", shown) if re.sub(r"[.,]", "", found)]


@pytest.mark.parametrize(("line", "parts"), SHOWN, ids=[line[0] for line, _ in SHOWN])
def test_screens_speak_indonesian_with_the_same_digits(line, parts, sadar):
    shown = {}
    for code in ("en", "id"):
        done, shown[code], err = sadar(*line, "--lang", code)
        assert done == 0, err
    for part in parts.split(","):
        assert part in shown["id"] and part not in shown["en"], part
    assert digits(shown["id"], "id") == digits(shown["en"], "en")


@pytest.mark.parametrize(("line", "parts"), SHOWN[:3] + SHOWN[4:5], ids=["run", "compare", "check", "trials"])
def test_indonesian_screens_fit_120_signs(line, parts, sadar, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    out = sadar(*line, "--lang", "id")[1]
    assert max(map(len, out.splitlines())) <= 120
    rows = [row for row in out.splitlines() if row.startswith(" ") and row.strip()]
    assert len(rows) > 5


def test_a_figure_is_drawn_in_indonesian(tmp_path):
    from matplotlib.text import Text

    from experiments.run import run
    from experiments.screens.figures import figure

    found = run(load("lerep", overrides=SMALL, until="2018-11-20"), replicates=2)
    with words.speaking("id"):
        made = figure(found)
        made.canvas.draw()
    said = {text.get_text() for text in made.findobj(Text)}
    assert {"Dana per intervensi sampai 20 November 2018", "kampanye", "pekerja", "juta rupiah", "Okt"} <= said
    assert any(one.startswith("pernah terdaftar ") for one in said) and "Oct" not in said


def test_the_evidence_page_stays_english(monkeypatch):
    from experiments import evidence

    monkeypatch.setattr(evidence, "_collect", lambda *_: seen.append(words.language()))
    seen = []
    with words.speaking("id"):
        evidence.collect()
    assert seen == ["en"]
