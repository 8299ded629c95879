"""Bahasa Indonesia: titles of the files that come with sadar, by their English title (files stay English).

By title and not by name: a file of one's own that happens to be called `lerep.toml` keeps the title its author gave it.
"""

from experiments.languages.indonesian_trials import ROWS

_LEVERS = {
    "Socialization session in the village hall": "Sosialisasi di balai desa",
    "Session slipped into an existing event": "Sosialisasi disisipkan dalam acara yang sudah ada",
    "Village gate (gapura) of the Desa Sadar": "Gapura Desa Sadar",
    "Banner (spanduk)": "Spanduk",
    "Social media posts": "Unggahan media sosial",
    "Course in household finance": "Kursus keuangan rumah tangga",
    "Regular forum of members and officials": "Forum berkala peserta dan petugas",
    "Village, RT and religious leaders speak for it": "Kepala desa, ketua RT, dan tokoh agama ikut mengajak",
    "Training of village officials": "Bimbingan teknis perangkat desa",
    "Perisai agent": "Agen Perisai",
    "PKH facilitators visit their families": "Pendamping PKH mendatangi keluarga binaannya",
    "First months free": "Bulan-bulan pertama gratis",
    "Half of the contribution for a year": "Separuh iuran ditanggung setahun",
    "Coupon for cheap staple food at registration": "Kupon sembako murah saat mendaftar",
    "Free contribution for shopping at the village shop (Togoro)": "Iuran gratis dari belanja di toko desa (Togoro)",
    "Contribution from the waste bank": "Iuran dari bank sampah",
    "Pay when there is cash (daily or weekly amounts)": "Bayar saat ada uang (harian atau mingguan)",
    "Pay at harvest through the farmers' group": "Bayar saat panen lewat kelompok tani",
    "Automatic debit": "Autodebet",
    "Monthly reminder by message": "Pengingat bulanan lewat pesan",
    "An arisan decides to join together": "Arisan memutuskan ikut bersama",
    "Village budget pays for the poorest": "APBDes menanggung iuran warga termiskin",
    "Regency budget pays for vulnerable workers": "APBD kabupaten menanggung iuran pekerja rentan",
    "Staff registers people in the village": "Petugas mendaftarkan warga di desa",
    "Booth at the market": "Gerai di pasar",
    "Registration by app (JMO)": "Pendaftaran lewat aplikasi (JMO)",
    "Village regulation: membership asked for at village services": "Peraturan desa: kepesertaan ditanyakan pada layanan desa",
    "Regency regulation: membership required for public services": "Peraturan kabupaten: kepesertaan menjadi syarat layanan publik",
    "Paid claims handed over in public": "Penyerahan santunan di depan warga",
    "Claims paid within the promised week": "Klaim dibayar dalam seminggu sesuai janji",
    "Complaint desk": "Meja pengaduan",
    "Told at RT meetings, prayer groups and other gatherings": "Disampaikan di pertemuan RT, pengajian, dan kumpulan lain",
    "Waste bank pays for poorer residents": "Bank sampah membayar iuran warga kurang mampu",
}

_PLACES = {
    "Desa": "Desa",
    "Desa Lerep": "Desa Lerep",
    "Desa Hessa Air Genting": "Desa Hessa Air Genting",
    "Desa Bunutin": "Desa Bunutin",
    "Desa Kadugenep": "Desa Kadugenep",
    "Ajibarang market": "Pasar Ajibarang",
    "People of a trial": "Peserta uji lapangan",
    "BPJS Ketenagakerjaan BPU, JKK + JKM": "BPJS Ketenagakerjaan BPU, JKK + JKM",
    "Scheme of a trial": "Program uji lapangan",
    "Default behavior": "Perilaku bawaan",
}

_CASES = {
    "Desa Hessa Air Genting 2018: regulation": "Desa Hessa Air Genting 2018: peraturan",
    "Ajibarang market: a Perisai agent": "Pasar Ajibarang: agen Perisai",
    "Desa Bunutin 2024: one session with registration": "Desa Bunutin 2024: satu sosialisasi dengan pendaftaran di tempat",
    "Desa Kadugenep 2017: three months free": "Desa Kadugenep 2017: tiga bulan gratis",
    "Desa Lerep 2018: the waste bank pays the contribution": "Desa Lerep 2018: bank sampah membayar iuran",
    "No campaign": "Tanpa kampanye",
    "no campaign": "tanpa kampanye",
    "Ajibarang: a Perisai agent at the market": "Ajibarang: agen Perisai di pasar",
    "Bunutin 2024: one session, help with registration, social media": "Bunutin 2024: satu sosialisasi, bantuan pendaftaran, media sosial",
    "Hessa 2018: regulation and officials": "Hessa 2018: peraturan dan perangkat desa",
    "Kadugenep 2017: events, coupons, three months free, PKH facilitators": "Kadugenep 2017: acara desa, kupon, tiga bulan gratis, pendamping PKH",
    "Lerep 2018: waste bank, village shop, leaders": "Lerep 2018: bank sampah, toko desa, tokoh masyarakat",
    "Lerep with and without the waste bank's fund and the shop's rebate": "Lerep dengan dan tanpa dana bank sampah dan potongan toko",
    "Lerep: size and rhythm of the sessions, under what we do not know of talk and forgetting":
        "Lerep: besar dan irama sosialisasi, sementara obrolan dan lupa belum diketahui",
    "Three campaigns and none of them, in five villages": "Tiga kampanye dan tanpa kampanye, di lima desa",
}

#: what was reported of the cases
_SEEN = {
    "Trust, solidarity and networks raise awareness and participation; an effective way in for groups that formal mechanisms hardly reach":
        "Kepercayaan, solidaritas, dan jejaring menaikkan pengetahuan dan kepesertaan; jalan masuk yang ampuh bagi kelompok yang sulit dijangkau cara formal",
    "Awareness and understanding rose significantly from before to after; no scores are given":
        "Pengetahuan dan pemahaman naik nyata dari sebelum ke sesudah; skornya tidak disebut",
    "More registrations; no numbers are given. Irregular income and low digital literacy stay in the way":
        "Pendaftaran bertambah; angkanya tidak disebut. Pendapatan tak tetap dan literasi digital yang rendah masih menghambat",
    "2,000 informal workers became members": "2.000 pekerja informal menjadi peserta",
    "930 members at the launch, 75 % of the workers": "930 peserta saat peluncuran, 75 % dari pekerja",
    "Of persistence nothing sure is known: a year later some 2,000 were active in the 'regency', which may mean another village":
        "Kelangsungannya tidak diketahui pasti: setahun kemudian sekitar 2.000 aktif di 'kabupaten', yang mungkin berarti desa lain",
    "1,500 residents registered in four months, about half of the informal workers; how many kept paying is not reported":
        "1.500 warga terdaftar dalam empat bulan, sekitar separuh pekerja informal; berapa yang terus membayar tidak dilaporkan",
}

_TRIALS = {
    "China 2011: seven prices of rice insurance": "Tiongkok 2011: tujuh harga asuransi padi",
    "China 2010: sessions, friends and defaults in rice insurance": "Tiongkok 2010: sosialisasi, teman, dan pilihan bawaan pada asuransi padi",
    "Ghana 2011: subsidy, campaign and convenience for health insurance": "Ghana 2011: subsidi, kampanye, dan kemudahan untuk asuransi kesehatan",
    "Indonesia 2015: subsidy, help and information for health insurance": "Indonesia 2015: subsidi, bantuan, dan informasi untuk jaminan kesehatan",
    "Indonesia 2025: 3, 6 or 9 free months and auto-debit in BPU": "Indonesia 2025: 3, 6, atau 9 bulan gratis dan autodebet dalam BPU",
    "India 2007-11: leaders are told first of microfinance": "India 2007-11: tokoh lebih dahulu diberi tahu tentang kredit mikro",
    "Kenya 2015: cash or insurance, now or in a month": "Kenya 2015: uang atau asuransi, sekarang atau sebulan lagi",
    "Kenya 2015: a cash gift of the premium's size": "Kenya 2015: hadiah uang sebesar premi",
    "Kenya 2014-15: premium now or deducted at the sale of the cane": "Kenya 2014-15: premi dibayar sekarang atau dipotong saat tebu dijual",
    "Stopping to pay: self-paid monthly cover, nobody collects": "Berhenti membayar: iuran bulanan mandiri, tanpa penagih",
    "Philippines 2011: kit with voucher, then the form done for people": "Filipina 2011: paket dengan kupon, lalu formulir diisikan",
    "China 2010: a free year and the next": "Tiongkok 2010: setahun gratis dan tahun berikutnya",
    "Colombia: messages and informal workers' saving": "Kolombia: pesan dan tabungan pekerja informal",
    "India 2006: visits, endorsement and cash in hand for rainfall insurance": "India 2006: kunjungan, dukungan, dan uang tunai untuk asuransi hujan",
    "Indonesia 2022: who visits for a vaccine": "Indonesia 2022: siapa yang berkunjung untuk vaksin",
    "Burkina Faso 2013: brochure, film and call for community health insurance": "Burkina Faso 2013: brosur, film, dan telepon untuk asuransi kesehatan masyarakat",
    "Senegal 2010: literacy module and vouchers for mutual health organisations": "Senegal 2010: modul literasi dan kupon untuk perkumpulan kesehatan",
    "Viet Nam 2011: leaflet and voucher for voluntary health insurance": "Vietnam 2011: selebaran dan kupon untuk asuransi kesehatan sukarela",
    "India 2009: financial education and rainfall insurance": "India 2009: pendidikan keuangan dan asuransi hujan",
    "Mexico 2017: messages and voluntary saving": "Meksiko 2017: pesan dan tabungan sukarela",
    "India 2022: information, gifts, access and leaders for a vaccine": "India 2022: informasi, hadiah, akses, dan tokoh untuk vaksin",
    "Indonesia 2016: who collects contributions": "Indonesia 2016: siapa yang menagih iuran",
    "Ghana 2009: payouts among friends and next year's demand": "Ghana 2009: klaim di antara teman dan permintaan tahun berikutnya",
    "India: payouts in the village and buying again": "India: klaim dibayar di desa dan pembelian ulang",
    "Kenya 2010: study circles in financial literacy and composite cover": "Kenya 2010: lingkar belajar literasi keuangan dan perlindungan gabungan",
}

TITLES: dict[str, str] = _LEVERS | _PLACES | _CASES | _SEEN | _TRIALS | ROWS
