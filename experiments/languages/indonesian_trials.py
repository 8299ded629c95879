"""Bahasa Indonesia: what each row of the shipped trials is, by its English text. Trials in reserve stay English."""

_ARMS = {
    "3 months": "3 bulan", "6 months": "6 bulan", "9 months": "9 bulan", "6 months, auto-debit": "6 bulan, autodebet", "9 months, auto-debit": "9 bulan, autodebet",
    "6 months against 3": "6 bulan dibanding 3", "6 months, auto-debit against 3": "6 bulan, autodebet, dibanding 3", "9 months against 3": "9 bulan dibanding 3",
    "9 months, auto-debit against 3": "9 bulan, autodebet, dibanding 3", "9 against 6 months": "9 dibanding 6 bulan",
    "auto-debit asked for, 6 and 9 months": "autodebet diminta, 6 dan 9 bulan",
}  # fmt: skip
_THEN = {
    "active at month 12": "aktif pada bulan ke-12", "paying at month 12": "membayar sendiri pada bulan ke-12",
    "membership ended by month 12": "kepesertaan berakhir sampai bulan ke-12", "active three months after the subsidy": "aktif tiga bulan sesudah subsidi",
}  # fmt: skip

ROWS: dict[str, str] = {
    # rice insurance, China
    "one yuan more, all seven prices": "satu yuan lebih mahal, ketujuh harga",
    "bend of the demand curve, a yuan squared": "lengkung kurva permintaan, per yuan kuadrat",
    "1.8 yuan a mu": "1,8 yuan per mu", "2.7 yuan a mu": "2,7 yuan per mu", "4.5 yuan a mu": "4,5 yuan per mu", "5.4 yuan a mu": "5,4 yuan per mu",
    "6.3 yuan a mu": "6,3 yuan per mu", "7.2 yuan a mu": "7,2 yuan per mu",
    "intensive session": "sosialisasi mendalam",
    "all five friends in intensive round-1 sessions": "kelima teman ikut sosialisasi mendalam putaran 1",
    "simple session three days later": "sosialisasi singkat tiga hari kemudian",
    "intensive session in round 2": "sosialisasi mendalam pada putaran 2",
    "knowledge score after an intensive session, round 1": "nilai pengetahuan sesudah sosialisasi mendalam, putaran 1",
    "knowledge score after a simple session, round 2": "nilai pengetahuan sesudah sosialisasi singkat, putaran 2",
    "knowledge score after an intensive session, round 2": "nilai pengetahuan sesudah sosialisasi mendalam, putaran 2",
    "in unless one opts out": "ikut kecuali menolak",
    "village purchases told, per 100 points": "pembelian sedesa diumumkan, per 100 poin",
    "intra-class correlation of villages": "korelasi dalam desa",
    # health insurance, Ghana
    "one-third subsidy": "subsidi sepertiga", "two-thirds subsidy": "subsidi dua pertiga", "full subsidy": "subsidi penuh",
    "one-third subsidy, three years later": "subsidi sepertiga, tiga tahun kemudian",
    "two-thirds subsidy, three years later": "subsidi dua pertiga, tiga tahun kemudian",
    "full subsidy, three years later": "subsidi penuh, tiga tahun kemudian",
    "any subsidy, not bundled": "subsidi apa pun, tanpa paket lain",
    "education campaign alone": "kampanye penyuluhan saja",
    "signing up in one's own village": "pendaftaran di desa sendiri",
    "no offer, three years later": "tanpa tawaran, tiga tahun kemudian",
    "of those enrolled at the start, enrolled at month 7 (all arms)": "dari yang terdaftar di awal, terdaftar pada bulan ke-7 (semua kelompok)",
    "of those enrolled at month 7, enrolled at month 36 (all arms)": "dari yang terdaftar pada bulan ke-7, terdaftar pada bulan ke-36 (semua kelompok)",
    "of those not enrolled at month 7, enrolled at month 36 (all arms)": "dari yang tidak terdaftar pada bulan ke-7, terdaftar pada bulan ke-36 (semua kelompok)",
    # health insurance, Indonesia
    "half subsidy": "subsidi separuh", "help with registration": "bantuan pendaftaran",
    "share of those who tried, with help, who registered": "dari yang mencoba dengan bantuan, bagian yang terdaftar",
    "information": "informasi", "full subsidy and help": "subsidi penuh dan bantuan",
    "cover eight months after the subsidy, subsidized over control": "perlindungan delapan bulan sesudah subsidi, disubsidi dibanding kontrol",
    # free months in BPU
    **{f"{arm}: {then}": f"{name}: {what}" for arm, name in _ARMS.items() for then, what in _THEN.items()},
    # microfinance, India
    "leaders' diffusion centrality, per standard deviation": "sentralitas difusi tokoh, per simpangan baku",
    **{f"share of final participation reached by month {m}": f"bagian kepesertaan akhir yang tercapai sampai bulan ke-{m}" for m in (4, 8, 12, 16, 20)},
    "standard deviation between villages": "simpangan baku antardesa",
    # crop insurance, Kenya
    "in one month, not now": "sebulan lagi, bukan sekarang",
    "cash gift, both ways of paying pooled": "hadiah uang, kedua cara membayar digabung",
    "cash gift, premium now": "hadiah uang, premi sekarang",
    "deducted, with and without gift pooled": "dipotong, dengan dan tanpa hadiah digabung",
    "deducted at the sale of the cane": "dipotong saat tebu dijual",
    "30 % off, paid now": "potongan 30 %, dibayar sekarang",
    # stopping to pay
    "stop within three months of joining (at most two payments)": "berhenti dalam tiga bulan sejak ikut (paling banyak dua kali bayar)",
    "stop within twelve months of joining": "berhenti dalam dua belas bulan sejak ikut",
    "of those who stop within twelve months, within three": "dari yang berhenti dalam dua belas bulan, yang dalam tiga bulan",
    "a year paid at once: not renewed after the first": "setahun dibayar sekaligus: tidak diperpanjang sesudah yang pertama",
    "of those paid up at month 12, paid up at month 18": "dari yang lunas pada bulan ke-12, lunas pada bulan ke-18",
    # health insurance, Philippines
    "kit and half of the premium": "paket dan separuh premi",
    "the form done, among those who had not joined": "formulir diisikan, bagi yang belum ikut",
    "reminded with the voucher extended, among those who had not joined": "diingatkan dan kupon diperpanjang, bagi yang belum ikut",
}  # fmt: skip
