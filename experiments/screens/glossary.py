"""The field's words, as officers of BPJS Ketenagakerjaan and of village government use them, and the model's own: in both languages.

    glossary()                 all of them, in the order of the alphabet
    glossary("iuran")          those whose word or meaning has it
"""

from typing import NamedTuple

from experiments.screens.words import language


class Word(NamedTuple):
    """term: the Indonesian word; id, en: what it means."""

    term: str
    id: str
    en: str

    @property
    def meaning(self) -> str:
        """In the current language."""
        return getattr(self, language())


def glossary(part: str = "") -> list[Word]:
    """The words whose term or meaning (in either language) holds `part`."""
    return sorted((w for w in WORDS if part.lower() in " ".join(w).lower()), key=lambda w: w.term.lower())


WORDS = (
    # the program
    Word("peserta", "pekerja yang terdaftar dalam program jaminan sosial ketenagakerjaan", "member: a worker registered in the social-security program"),
    Word("peserta BPU", "peserta bukan penerima upah: bekerja atas usaha sendiri dan membayar iurannya sendiri, seperti petani, pedagang, pengojek", "member without an employer (bukan penerima upah): works on own account and pays the contribution alone, such as farmers, traders, ojek riders"),
    Word("pekerja informal", "pekerja tanpa pemberi kerja yang mendaftarkannya; di sini semua calon peserta BPU di desa", "informal worker: has no employer who registers him; here everybody in the village who could become a member"),
    Word("kepesertaan", "hubungan seseorang dengan program: terdaftar, aktif, menunggak, atau berakhir", "membership: registered, active, in arrears or ended"),
    Word("kepesertaan aktif", "perlindungan sedang berlaku: bila terjadi risiko hari ini, klaim dibayar", "active membership: cover is in force, a claim of today would be paid"),
    Word("iuran", "yang dibayar tiap bulan agar terlindungi; BPU paling rendah Rp 16.800 untuk JKK dan JKM", "contribution: paid each month for cover; in BPU at least Rp 16.800 for JKK and JKM"),
    Word("JKK", "Jaminan Kecelakaan Kerja: biaya perawatan dan santunan bila celaka saat bekerja", "work-accident cover: treatment and benefits after an accident at work"),
    Word("JKM", "Jaminan Kematian: santunan bagi ahli waris peserta yang meninggal bukan karena kecelakaan kerja", "death cover: a benefit to the heirs of a member who dies, not by a work accident"),
    Word("klaim", "permintaan pembayaran manfaat setelah kecelakaan atau kematian", "claim: the request for a benefit after an accident or a death"),
    Word("santunan", "uang yang diterima peserta atau ahli waris dari klaim yang dibayar", "benefit: the money that a member or his heirs receive"),
    Word("ahli waris", "keluarga yang berhak menerima santunan peserta yang meninggal", "heirs: the family entitled to the benefit of a member who died"),
    Word("menunggak", "iuran sudah jatuh tempo tetapi belum dibayar", "to be in arrears: a contribution is due and not paid"),
    Word("tunggakan", "iuran jatuh tempo yang belum dibayar", "arrears: contributions due and not paid"),
    Word("masa tenggang", "bulan tunggakan yang masih ditoleransi sebelum kepesertaan berakhir (BPU: 3 bulan)", "grace: months in arrears before membership ends (BPU: 3)"),
    Word("berhenti membayar", "tidak lagi membayar iuran; perlindungan terhenti dan setelah masa tenggang kepesertaan berakhir", "to stop paying: cover stops, and after the grace months membership ends"),
    Word("relaksasi iuran", "keringanan iuran yang ditetapkan pemerintah untuk sementara", "relief: part of the contribution waived by decree for a time"),
    Word("kantor cabang", "kantor BPJS Ketenagakerjaan di tingkat kabupaten atau kota; menjalankan dan membiayai kampanye", "branch: the regional office of BPJS Ketenagakerjaan; runs campaigns and pays for them"),
    Word("JMO", "Jamsostek Mobile, aplikasi ponsel untuk mendaftar, membayar, dan memeriksa kepesertaan", "Jamsostek Mobile: the app to register, pay and look up one's membership"),
    Word("autodebet", "iuran ditarik otomatis dari rekening atau dompet digital", "automatic debit: the contribution is drawn from an account or wallet"),
    # the village
    Word("Desa Sadar Jaminan Sosial", "desa yang dibina BPJS Ketenagakerjaan agar pekerjanya tahu dan terlindungi (Desa Sadar Jaminan Sosial Ketenagakerjaan)", "a village that BPJS Ketenagakerjaan has chosen to make aware and covered"),
    Word("RT/dusun", "lingkungan terdekat: rukun tetangga atau dusun; dalam model, satu komunitas", "neighborhood (RT) or hamlet (dusun): a community of the model"),
    Word("perangkat desa", "kepala desa dan para pembantunya di kantor desa", "village officials: the head and the staff of the village office"),
    Word("tokoh masyarakat", "orang yang didengar warga: kepala desa, ketua RT, tokoh agama, ketua kelompok", "community leaders: those people listen to (village head, RT head, religious and group leaders)"),
    Word("agen Perisai", "Penggerak Jaminan Sosial Indonesia: warga yang mengajak, mendaftarkan, dan menagih iuran dengan imbalan dari program", "Perisai agent: a local who recruits, registers and collects, paid by the scheme"),
    Word("bank sampah", "tempat warga menabung sampah bernilai; tabungannya dapat dipakai membayar iuran", "waste bank: people save sorted waste there; the savings can pay the contribution"),
    Word("arisan", "kelompok yang mengumpulkan uang berkala dan mengundi penerimanya", "rotating savings group with a draw at each meeting"),
    Word("kelompok tani", "perkumpulan petani; iuran dapat dibayar bersama saat panen", "farmers' group: contributions can be paid together at harvest"),
    Word("BUMDes", "Badan Usaha Milik Desa, misalnya toko desa Togoro di Lerep", "enterprise owned by the village, such as the shop Togoro in Lerep"),
    Word("PKH", "Program Keluarga Harapan: bantuan tunai bersyarat bagi keluarga miskin", "conditional cash transfer to poor families"),
    Word("pendamping PKH", "petugas yang mendampingi keluarga penerima PKH dan rutin bertemu mereka", "PKH facilitator: meets the families that receive PKH"),
    Word("musyawarah desa", "rapat warga dan perangkat desa untuk mengambil keputusan", "village meeting at which decisions are taken"),
    Word("peraturan desa", "aturan yang ditetapkan desa, misalnya menanyakan kepesertaan pada layanan desa", "village regulation, such as asking for membership at village services"),
    Word("APBDes", "Anggaran Pendapatan dan Belanja Desa; dapat menanggung iuran warga rentan", "the village budget; can pay contributions of vulnerable people"),
    Word("pekerja rentan", "pekerja berpenghasilan rendah yang iurannya dapat ditanggung anggaran desa atau kabupaten", "vulnerable worker: of low income, whose contribution a village or regency may pay"),
    Word("gapura", "gerbang desa, tempat tulisan Desa Sadar dipasang", "village gate that carries the words Desa Sadar"),
    Word("spanduk", "kain pengumuman di tepi jalan", "banner at the roadside"),
    Word("sembako", "sembilan bahan pokok; kupon sembako murah pernah dibagikan saat pendaftaran", "staple food; coupons for it were given at registration"),
    # campaigns
    Word("sosialisasi", "pertemuan untuk menjelaskan program kepada warga", "information session for villagers"),
    Word("kampanye", "rangkaian intervensi bertanggal untuk menambah dan menjaga kepesertaan", "campaign: dated levers to gain and keep members"),
    Word("intervensi", "satu kegiatan atau kebijakan dalam kampanye: sosialisasi, subsidi, agen, peraturan", "lever: one measure of a campaign (session, subsidy, agent, regulation)"),
    Word("pagu bulanan", "batas pengeluaran kampanye dalam satu bulan kalender", "monthly ceiling: the most a campaign may spend in a calendar month"),
    Word("anggapan keliru", "keyakinan yang menghalangi, misalnya bahwa BPJS Kesehatan sudah cukup", "misbelief: a belief that stands in the way, such as that health BPJS is enough"),
    Word("getok tular", "kabar yang menyebar dari mulut ke mulut lewat relasi", "word of mouth along ties"),
    # results
    Word("replikasi", "satu kali simulasi; beberapa replikasi berbeda karena kebetulan dan perilaku yang belum diketahui", "replicate: one run; replicates differ by luck and by what is unknown about behavior"),
    Word("benih acak (seed)", "angka awal bilangan acak; benih yang sama memberi angka yang sama", "seed: the same seed gives the same digits"),
    Word("rentang 5-95 persen", "di dalamnya terletak 90 dari 100 replikasi", "5-95 % range: holds 90 of 100 replicates"),
    Word("selang 95 persen", "kisaran nilai rata-rata yang masih masuk akal menurut replikasi yang ada", "95 % interval: where the mean may lie, from the replicates there are"),
    Word("berbeda nyata", "selang 95 persen dari selisihnya tidak memuat nol", "told apart: the 95 % interval of the difference leaves out zero"),
    Word("orang-bulan", "perlindungan satu orang selama satu bulan", "person-month: one person covered for a month"),
    Word("persistensi bulan ke-13", "bagian peserta baru yang tetap membayar sampai iuran ketiga belas", "13th-month persistency: new members who have paid up to the 13th contribution"),
    Word("bertahan", "mendaftar sejak awal kampanye dan masih aktif", "retained: registered since the start of the run and still active"),
    Word("posterior", "sebaran perilaku yang masih masuk akal setelah dikalibrasi terhadap uji lapangan", "posterior: behavior that is still plausible after calibration to field trials"),
)  # fmt: skip
