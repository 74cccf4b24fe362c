# ruff: noqa: RUF001, E501 (letters of other scripts are what it is about; a line a subject)
"""Names of columns in eight languages, each with the category that it speaks of; and names that speak of none."""

NAMES = {
    # English
    "diagnosis": "health", "primaryDiagnosisCode": "health", "HIVStatus": "health", "has_diabetes": "health",
    "icd10_code": "health", "blood_group": "health", "BloodType": "health", "disability_status": "health",
    "chronic_conditions": "health", "MentalHealth": "health", "allergies": "health", "is_pregnant": "health",
    "bmi": "health", "vaccinated": "health", "sick_leave_days": "health", "heart_rate": "health",
    "race": "ethnicity", "Race/Ethnicity": "ethnicity", "ethnic_group": "ethnicity", "RAC1P": "ethnicity",
    "tribe": "ethnicity", "caste": "ethnicity", "skin_color": "ethnicity", "isHispanic": "ethnicity",
    "religion": "religion", "religiousAffiliation": "religion", "church_attendance": "religion", "creed": "religion",
    "political_views": "politics", "partyAffiliation": "politics", "voted_for": "politics", "ideology": "politics",
    "trade_union": "union", "UnionMember": "union", "union_dues": "union",
    "sexual_orientation": "sex-life", "is_lgbt": "sex-life", "sexualPartners": "sex-life",
    "genotype": "genetics", "DNASequence": "genetics", "brca1": "genetics", "snp_rs429358": "genetics",
    "fingerprint_template": "biometrics", "faceEmbedding": "biometrics", "voiceprint": "biometrics",
    "iris_scan": "biometrics", "biometric_id": "biometrics",
    "criminal_record": "criminal", "priors_count": "criminal", "prior_convictions": "criminal",
    "juv_fel_count": "criminal", "is_recid": "criminal", "ArrestDate": "criminal", "prisonTerm": "criminal",
    "child_name": "children", "is_minor": "children", "kindergarten": "children", "childDOB": "children",
    # Russian, and Russian in Latin letters
    "диагноз": "health", "Код_МКБ": "health", "группа_крови": "health", "инвалидность": "health",
    "состояние здоровья": "health", "хронические_заболевания": "health", "беременность": "health",
    "diagnoz": "health", "gruppa_krovi": "health", "invalidnost": "health",
    "национальность": "ethnicity", "natsionalnost": "ethnicity", "Nacionalnost": "ethnicity",
    "нaциoнaльнocть": "ethnicity", "раса": "ethnicity", "этническая_группа": "ethnicity",
    "вероисповедание": "religion", "религия": "religion", "religiya": "religion", "veroispovedanie": "religion",
    "конфессия": "religion", "политические_взгляды": "politics", "партийность": "politics",
    "член_профсоюза": "union", "profsoyuz": "union", "сексуальная_ориентация": "sex-life",
    "днк": "genetics", "генотип": "genetics", "отпечатки_пальцев": "biometrics", "биометрия": "biometrics",
    "судимость": "criminal", "sudimost": "criminal", "наличие_судимостей": "criminal", "арест_дата": "criminal",
    "ФИО ребёнка": "children", "несовершеннолетний": "children", "возраст_ребенка": "children",
    # Tajik
    "миллат": "ethnicity", "millat": "ethnicity", "ташхис": "health", "вазъи_саломатӣ": "health", "беморӣ": "health",
    "маъюбӣ": "health", "гурӯҳи_хун": "health", "ҳомиладорӣ": "health", "мазҳаб": "religion", "дини": "religion",
    "ҳизби_сиёсӣ": "politics", "узви_касаба": "union", "доғи_судӣ": "criminal", "ҷиноят": "criminal",
    "изи_ангушт": "biometrics", "номи_кӯдак": "children",
    # Uzbek, Latin and Cyrillic
    "millati": "ethnicity", "миллати": "ethnicity", "tashxis": "health", "sog'lig'i": "health", "соғлиғи": "health",
    "nogironligi": "health", "ногиронлиги": "health", "kasallik_turi": "health", "qon_guruhi": "health",
    "қон_гуруҳи": "health", "diniy_e'tiqodi": "religion", "siyosiy_qarashlari": "politics", "сиёсий_қарашлари": "politics",
    "kasaba_uyushmasi_a'zosi": "union", "sudlanganligi": "criminal", "судланганлиги": "criminal",
    "barmoq_izi": "biometrics", "bolaning_ismi": "children", "voyaga_yetmagan": "children",
    # Kazakh
    "ұлты": "ethnicity", "ulty": "ethnicity", "денсаулық_жағдайы": "health", "мүгедектігі": "health", "қан_тобы": "health",
    "диагнозы": "health", "жүктілік": "health", "діни_сенімі": "religion", "саяси_көзқарасы": "politics",
    "кәсіподақ_мүшесі": "union", "сотталғандығы": "criminal", "соттылығы_қылмыстық": "criminal", "саусақ_ізі": "biometrics",
    "баланың_аты": "children", "кәмелетке_толмаған": "children",
    # Kyrgyz
    "улуту": "ethnicity", "ulutu": "ethnicity", "ден_соолугу": "health", "майыптыгы": "health", "кан_тобу": "health",
    "оорусу": "health", "диний_ишеними": "religion", "саясий_көз_карашы": "politics", "соттолгондугу": "criminal",
    "манжа_изи": "biometrics", "баланын_аты": "children",
    # Turkmen
    "milleti": "ethnicity", "saglyk_ýagdaýy": "health", "keseli": "health", "maýyplygy": "health", "gan_topary": "health",
    "dini_ynanjy": "religion", "syýasy_garaýşy": "politics", "jenaýat": "criminal", "barmak_yzy": "biometrics",
    "çaganyň_ady": "children",
    # Written down before they were tried
    "pat_diag_cd": "health", "admit_diagnosis_desc": "health", "disability_flag": "health", "chronic_disease_cnt":
    "health", "insurance_claim_illness": "health", "employee_health_notes": "health", "bloodPressureSystolic": "health",
    "hiv_status_code": "health", "mental_disorder": "health", "asthma_ind": "health", "pregnancy_week": "health",
    "vaccination_dose": "health", "covid19_test": "health", "surgery_date": "health", "cancer_stage": "health",
    "disabled_yn": "health", "RaceDesc": "ethnicity", "emp_ethnicity": "ethnicity", "race_white": "ethnicity",
    "EthnicOrigin": "ethnicity", "applicant_race": "ethnicity", "tribal_affiliation": "ethnicity", "HispanicOrigin":
    "ethnicity", "religion_code": "religion", "ReligiousBelief": "religion", "faith_community": "religion",
    "political_affiliation": "politics", "party_registration": "politics", "PoliticalParty": "politics",
    "union_membership": "union", "trade_union_member": "union", "sexuality": "sex-life", "gender_identity": "sex-life",
    "genome_id": "genetics", "gene_expression_1": "genetics", "allele_freq": "genetics", "fingerprint_img": "biometrics",
    "facial_features": "biometrics", "voice_print_hash": "biometrics", "criminal_history": "criminal", "felony_count":
    "criminal", "arrest_record": "criminal", "convicted_before": "criminal", "jail_days": "criminal", "juvenile_offender":
    "criminal", "minor_child_name": "children", "pupil_name": "children", "анамнез_жизни": "health", "основной_диагноз":
    "health", "Группа инвалидности": "health", "перенесенные_заболевания": "health", "медкарта_номер": "health", "нац_ть":
    "ethnicity", "этнос": "ethnicity", "вероисп": "religion", "партийная_принадлежность": "politics", "судимость_есть":
    "criminal", "уголовное_дело": "criminal", "привлекался_к_уголовной": "criminal", "отпечаток_пальца": "biometrics",
    "член профсоюза": "union", "сын_несовершеннолетний": "children", "zabolevaniya": "health", "sostoyanie_zdorovya":
    "health", "veroispovedanie_klienta": "religion", "sudimosti": "criminal", "invalidnost_gruppa": "health",
    "миллати_шаҳрванд": "ethnicity", "бемориҳои_музмин": "health", "ташхиси_духтур": "health", "маъюб_ҳаст": "health",
    "эътиқоди_динӣ": "religion", "узвияти_ҳизб": "politics", "ҷинояти_содиршуда": "criminal", "хуни_гурӯҳ": "health",
    "millati_tojik": "ethnicity", "kasalligi_bormi": "health", "sog'lig'i_holati": "health", "nogironligi_bor": "health",
    "millati_nomi": "ethnicity", "dini_e'tiqod": "religion", "sudlanganlik_holati": "criminal", "касаллиги": "health",
    "диний_эътиқоди": "religion", "partiyaviyligi": "politics", "аурулары": "health", "денсаулығы": "health",
    "мүгедек_пе": "health", "этникалық_тегі": "ethnicity", "діни_наным": "religion", "соттылығы_бар_ма": "criminal",
    "ultı": "ethnicity", "оорулары": "health", "ден_соолук_абалы": "health", "майып_тобу": "health", "улуту_кыргыз":
    "ethnicity", "дини_көз_карашы": "religion", "соттолгон_беле": "criminal", "saglygy": "health", "kesel_ady": "health",
    "milleti_kim": "ethnicity", "jenaýat_işi": "criminal",
}  # fmt: skip

PROXIES = {
    "nationality": "ethnicity", "Native-country": "ethnicity", "placeOfBirth": "ethnicity", "birth_place": "ethnicity",
    "mother_tongue": "ethnicity", "citizenship": "ethnicity", "место_рождения": "ethnicity", "гражданство": "ethnicity",
    "rodnoy_yazyk": "ethnicity", "ҷои_таваллуд": "ethnicity", "шаҳрвандӣ": "ethnicity", "забони_модарӣ": "ethnicity",
    "tug'ilgan_joyi": "ethnicity", "туғилган_жойи": "ethnicity", "fuqaroligi": "ethnicity", "ona_tili": "ethnicity",
    "туған_жері": "ethnicity", "азаматтығы": "ethnicity", "ана_тілі": "ethnicity", "туулган_жери": "ethnicity",
    "эне_тили": "ethnicity", "жарандыгы": "ethnicity", "doglan_ýeri": "ethnicity", "raýatlygy": "ethnicity",
    "medications": "health", "smoker": "health", "diet": "health", "hospital_id": "health", "лекарства": "health",
    "halal_meal": "religion", "намаз": "religion",
}  # fmt: skip

TRAPS = (
    "race_time", "raceId", "race_number", "next_race", "horse_race_odds", "party_size", "third_party", "counterparty_id",
    "responsible_party", "partyCount", "union_id", "european_union", "credit_union", "reunion_date", "union_square",
    "health_check", "battery_health", "server_health_status", "stroke_width", "weather_condition", "is_invalid",
    "invalid_login_count", "genre", "gender", "sex", "пол", "jinsi", "ҷинс", "generation", "general_ledger", "generator",
    "device_fingerprint", "sha256_fingerprint", "browserFingerprint", "iris_setosa", "retina_display", "sepal_length",
    "child_process", "num_children", "children", "parent_child_link", "child_node", "minor_version", "pupil_diameter",
    "conviction_score", "prior_year_balance", "probation_period", "crime_rate", "sentence",
    "age", "возраст", "yosh", "синну_сол", "language", "color", "white_list", "blackbox", "gradient_descent",
    "faith_level_x", "good_faith", "section", "sector", "insect_count", "denomination_value", "DIN_number", "dining_room",
    "vote_average", "upvotes", "policy_number", "polite", "politeness", "номер_партии", "партия_товара", "genetic_algorithm",
    "mutation_rate", "variant_id", "variance", "donna", "std", "standard_deviation", "hive_id", "archive",
    "treatment_group", "is_disabled", "account_disabled", "atmospheric_pressure", "давление_воздуха", "контактное_лицо",
    "физическое_лицо", "cancellation", "candidate", "condition_code", "embrace", "trace_id", "bracelet", "terrace",
    "grace_period", "brace", "surface", "interface", "facet", "illustration", "illiquid", "stillness", "facility", "income",
    "marital_status", "occupation", "education", "postcode", "количество_детей", "шумораи_кӯдакон",
    "bolalar_soni", "password", "token", "id", "x1", "", "арест_счета", "рейс", "трасса", "террасса", "кредит",
    "вернуть", "проверка", "уверенность", "верх", "партнер", "partition", "particle", "department", "apartment",
    "custody_account", "tribune", "attribute", "contribution", "distribution", "castle", "broadcast",
    "forecast", "lat", "result", "consult", "multi", "ultimate", "резултат",
    # Written down before they were tried
    "race_condition_flag", "raceway", "brace_size", "embrace_score", "traces", "racket", "party_address", "partyRole",
    "contractParty", "union_all", "reunion", "communion", "sunion_key", "unionpay_card", "healthcheck_url", "stealth",
    "wealth_index", "commonwealth", "patience", "impatient_clicks", "diagonal", "diagram", "heartbeat", "hearth",
    "cardinality", "cardholder", "scorecard", "discard_rate", "insulation", "mutable", "commute_time", "gene_ric",
    "general_score", "genre_id", "regenerate", "organic", "religare_code", "belief_score", "beliefs_n", "politely",
    "metropolitan", "policy_holder", "police_station", "criminality_index_area", "pricing", "prison_cell_battery",
    "arrestor", "convention_center", "convictions_lift", "child_sku", "childless_theme", "kids_menu_price", "minor_axis",
    "pupil_ratio_school", "infantry", "baby_boomer_segment", "facebook_id", "interface_id", "surface_area", "iris_width",
    "voice_channel", "retinue", "dna_score_marketing", "snap_count", "allegro", "sexagesimal", "sexton", "middlesex",
    "essex_flag", "unisex_shoes", "homogeneity", "bisection", "lesson", "gaylussac", "порядок", "рассрочка", "расход",
    "раса_кофе", "веранда", "вероятность", "верность", "номер_дома", "больше", "большой", "заказ_партия", "партнерство",
    "профиль", "профит", "союз_код", "сделка", "ген_директор", "генератор", "детали", "деталь", "шкала", "школа_код",
    "dinar_rate", "dinamika", "tibbiy_narx", "mil_turi", "ulush", "ultratovush", "kesim", "kesma", "saglama",
    "dori_qutisi_soni", "bola_krovat", "aurora", "auth_code", "ooredoo",
)  # fmt: skip
