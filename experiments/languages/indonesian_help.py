"""Bahasa Indonesia: help of commands and options, by their English help (which stands beside the options in experiments/commands)."""

HELP: dict[str, str] = {
    # commands
    "How a village comes to know, join and keep paying for social security.": "Bagaimana sebuah desa mengenal, mengikuti, dan terus membayar jaminan sosial.",
    "Run a village under a campaign: who registers, who keeps paying, what it costs.":
        "Jalankan sebuah desa dengan kampanye: siapa yang mendaftar, siapa yang terus membayar, berapa biayanya.",
    "Compare campaigns in the same villages with the same luck: which brings more, at what cost, and how sure that is.":
        "Bandingkan kampanye di desa yang sama dengan kebetulan yang sama: mana yang menghasilkan lebih banyak, berapa biayanya, dan seberapa pasti.",
    "Run a design, levers x states of the world x luck, into a folder that survives interruptions.\n\n"
    "Behavior is the scenario's one set of numbers, unless the design varies it.":
        "Jalankan rancangan, intervensi x kemungkinan keadaan x kebetulan, ke folder yang tahan gangguan.\n\n"
        "Perilaku memakai satu set angka skenario, kecuali rancangan mengubahnya.",
    "Go on with a sweep that was stopped; damaged parts are done again.": "Lanjutkan sweep yang terhenti; bagian yang rusak dikerjakan ulang.",
    "Add replicates to a sweep; the same bytes as if it had been begun with them.":
        "Tambah replikasi pada sweep; hasilnya sama persis seolah-olah sejak awal demikian.",
    "What a sweep has found so far, also while it runs.": "Hasil sweep sejauh ini, juga selagi berjalan.",
    "Save the state of a village at a date: same past, different policy.\n\nGo on from it with `sadar compare DIR --with CAMPAIGN`.":
        "Simpan keadaan desa pada suatu tanggal: masa lalu sama, kebijakan berbeda.\n\nLanjutkan dengan `sadar compare DIR --with KAMPANYE`.",
    "Compute a result again and say whether it is identical (if not, the exit code is 1).":
        "Hitung ulang suatu hasil dan katakan apakah identik (bila tidak, kode keluar 1).",
    "What comes with sadar: cases, villages, campaigns, schemes, levers.": "Yang disertakan sadar: kasus, desa, kampanye, program jaminan, intervensi.",
    "Is a scenario valid? Size, levers and network of its village, or the one thing that is wrong.":
        "Apakah skenario ini sah? Ukuran, intervensi, dan jaringan desanya, atau satu hal yang salah.",
    "A scenario as it would run: what differs from another, its levers week by week, and the money that is certain.":
        "Skenario sebagaimana akan dijalankan: perbedaannya dari yang lain, intervensi minggu demi minggu, dan biaya yang pasti.",
    "What happens in one week of the model, in order.": "Yang terjadi dalam satu minggu model, berurutan.",
    "The field's words, such as peserta, iuran, agen Perisai, and what they mean.": "Istilah lapangan, seperti peserta, iuran, agen Perisai, dan artinya.",
    "Check the model against known mathematics, reference runs and hand calculation (about a minute).":
        "Periksa model terhadap matematika yang dikenal, simulasi rujukan, dan hitungan tangan (sekitar semenit).",
    "Score the model on field trials: simulated beside measured effects, all rows, and three baselines.":
        "Nilai model dengan uji lapangan: efek simulasi di samping yang terukur, semua baris, dan tiga pembanding.",
    "Calibrate behavior to field trials, or one village to its office's monthly table with months held out.":
        "Kalibrasi perilaku pada uji lapangan, atau satu desa pada tabel bulanan kantornya dengan bulan yang disisihkan.",
    "Fit and predict real diffusion data, villages left out, against three baselines; and test for influence.":
        "Sesuaikan dan prakirakan data difusi nyata, desa disisihkan, terhadap tiga pembanding; dan uji adanya pengaruh.",
    "Forecast a trial that is still in the field: dated, hashed, with intervals and assumptions.":
        "Prakirakan uji yang masih di lapangan: bertanggal, ber-hash, dengan selang dan asumsi.",
    "Run the five real cases and lay what was reported beside the simulated range.": "Jalankan lima kasus nyata dan sandingkan yang dilaporkan dengan rentang simulasi.",
    "Write experiments/EVIDENCE.md: what was verified, predicted and missed, and what is only mechanism.":
        "Tulis experiments/EVIDENCE.md: apa yang terbukti, diprakirakan, dan meleset, serta apa yang baru mekanisme.",
    # shared options
    "Show this message and exit.": "Tampilkan bantuan ini lalu selesai.",
    "show the version": "tampilkan versi",
    "one JSON document on stdout, nothing else": "satu dokumen JSON di stdout, tidak ada yang lain",
    "language of what is shown: Bahasa Indonesia or English (default: the variable SADAR_LANG, else English)":
        "bahasa tampilan: Bahasa Indonesia atau Inggris (bawaan: variabel SADAR_LANG, jika tidak ada Inggris)",
    "a name from `sadar list`, or a TOML file": "nama dari `sadar list`, atau berkas TOML",
    "campaign in place of the case's own; repeat to join several": "kampanye pengganti milik kasus; ulangi untuk menggabungkan beberapa",
    "change one value, such as village.workers=500; repeatable": "ubah satu nilai, misalnya village.workers=500; dapat diulang",
    "the run ends before this day, such as 2019-12-31": "simulasi berakhir sebelum hari ini, misalnya 2019-12-31",
    "working processes (default: as many as pay)": "proses kerja (bawaan: sebanyak yang berguna)",
    "of people: a draw of the posterior for each run; point: one for all": "perilaku orang: satu sampel posterior tiap replikasi; point: satu untuk semua",
    "the same seed gives the same digits": "benih acak yang sama memberi angka yang sama",
    # run, compare
    "runs with different luck": "replikasi dengan kebetulan berbeda",
    "write summary.json, weekly.parquet, ledger.parquet, run.json and figure.png to this folder":
        "tulis summary.json, weekly.parquet, ledger.parquet, run.json dan figure.png ke folder ini",
    "a campaign: a name or file, own (the case's) or none; repeatable, the first is the reference":
        "kampanye: nama atau berkas, own (milik kasus) atau none; dapat diulang, yang pertama menjadi acuan",
    "what is compared, such as active, retained, active_share/sex=female": "yang dibandingkan, misalnya active, retained, active_share/sex=female",
    "when: a date, a month of the run such as 12, or end": "kapan: tanggal, bulan simulasi misalnya 12, atau end",
    "go on until the 95 % intervals are +- N, in the unit of the outcome": "teruskan sampai selang 95 % menjadi +- N, dalam satuan luarannya",
    "with --half-width: pairs of villages at most (default: 1000)": "dengan --half-width: pasang desa paling banyak (bawaan: 1000)",
    "pairs of villages where there is no --half-width (default: 50)": "pasang desa bila tanpa --half-width (bawaan: 50)",
    "scale the levers of each campaign so that it spends this much on average": "skalakan intervensi tiap kampanye agar rata-rata memakai dana sebesar ini",
    "with --budget: scale these levers only; repeatable": "dengan --budget: skalakan intervensi ini saja; dapat diulang",
    "the case's own campaign until this day, then each: same past, other policy":
        "kampanye kasus sampai hari ini, lalu masing-masing: masa lalu sama, kebijakan lain",
    "write comparison.json, pairs.parquet and figure.png to this folder": "tulis comparison.json, pairs.parquet dan figure.png ke folder ini",
    # sweeps
    "a design file (TOML), or the name of one from `sadar list designs`": "berkas rancangan (TOML), atau namanya dari `sadar list designs`",
    "folder for the results (default: out/NAME)": "folder untuk hasil (bawaan: out/NAMA)",
    "only say what would be run": "hanya sebutkan apa yang akan dijalankan",
    "local: processes of this machine; dask: workers of a Dask scheduler": "local: proses mesin ini; dask: pekerja penjadwal Dask",
    "with dask: scheduler to use, such as tcp://10.0.0.1:8786": "dengan dask: penjadwal yang dipakai, misalnya tcp://10.0.0.1:8786",
    "folder of a sweep": "folder sebuah sweep",
    "also do the runs that failed again": "ulangi juga simulasi yang gagal",
    "replicates of every point, in all": "replikasi tiap titik, seluruhnya",
    "write all rows to this .csv or .parquet file": "tulis semua baris ke berkas .csv atau .parquet ini",
    "draw the results to this .png, .svg or .pdf file": "gambar hasilnya ke berkas .png, .svg atau .pdf ini",
    # branch, replay, list, show, glossary
    "the day on which the past ends, such as 2019-01-01": "hari berakhirnya masa lalu, misalnya 2019-01-01",
    "a new folder for the states": "folder baru untuk keadaan desa",
    "villages with different luck": "desa dengan kebetulan berbeda",
    "run id of a table or figure, or its first four signs": "run id sebuah tabel atau gambar, atau empat tanda pertamanya",
    "folder to look for results in (default: here); repeatable": "folder tempat mencari hasil (bawaan: di sini); dapat diulang",
    "all when absent": "semua bila kosong",
    "scenario to compare with": "skenario pembanding",
    "also every single value with unit, evidence and source": "juga setiap nilai dengan satuan, bukti, dan sumber",
    "part of a word or of its meaning; all when absent": "bagian dari istilah atau artinya; semua bila kosong",
    # evidence
    "folder of the reference data (default: ../shared/data)": "folder data rujukan (bawaan: ../shared/data)",
    "names from `sadar list trials`, or TOML files": "nama dari `sadar list trials`, atau berkas TOML",
    "draws of behavior, context and luck": "sampel perilaku, konteks, dan kebetulan",
    "draws of the calibrated behavior, or one set of numbers": "sampel perilaku terkalibrasi, atau satu set angka",
    "each study under the behavior calibrated without it": "tiap studi dengan perilaku yang dikalibrasi tanpanya",
    "the trials that calibration never sees: orderings, signs, nulls": "uji yang tidak pernah dilihat kalibrasi: urutan, tanda, nol",
    "folder for scores.csv, summary.csv and forest.png": "folder untuk scores.csv, summary.csv dan forest.png",
    "a village to fit to its office's table; none: behavior, to trials": "desa yang disesuaikan dengan tabel kantornya; kosong: perilaku, pada uji lapangan",
    "the office's table: month, new_members, active, paying": "tabel kantor: month, new_members, active, paying",
    "last months of the table that are foretold, not looked at": "bulan terakhir tabel yang diprakirakan, tidak dilihat",
    "runs of a village (2400), or draws of behavior that are kept (256)": "simulasi desa (2400), atau sampel perilaku yang disimpan (256)",
    "simulated rows of each wave (behavior only)": "baris simulasi tiap gelombang (perilaku saja)",
    "folder that keeps simulated rows: a broken calibration goes on there": "folder penyimpan baris simulasi: kalibrasi yang terputus berlanjut di sana",
    "folder for the result (a village: out/NAME; behavior: the shipped beliefs)": "folder untuk hasil (desa: out/NAMA; perilaku: folder beliefs yang disertakan)",
    "folder of the diffusion data (default: ../shared/data)": "folder data difusi (bawaan: ../shared/data)",
    "folder of the villages to learn from (default: the other villages of --data)": "folder desa untuk dipelajari (bawaan: desa lain dari --data)",
    "folder for tables and picture": "folder untuk tabel dan gambar",
    "a trial whose numbers are not measured yet": "uji lapangan yang angkanya belum terukur",
    "folder for the forecast: text, numbers and picture": "folder untuk prakiraan: teks, angka, dan gambar",
    "runs of each case": "replikasi tiap kasus",
    "run everything on the page again first (about half an hour)": "jalankan lagi semua isi halaman lebih dahulu (sekitar setengah jam)",
    "draws of each trial and case": "sampel tiap uji lapangan dan kasus",
}  # fmt: skip
