# ruff: noqa: RUF001 (letters of other scripts are what it is about)
"""Words of the special categories of personal data, in seven languages of Central Asia and English.

English, Russian, Tajik, Uzbek, Kazakh, Kyrgyz and Turkmen; a word stands in
one script alone where `special.fold` makes the others of it. ``x*`` is every
word that begins so; a space may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vocabulary:
    """Words of one category, between commas.

    Attributes
    ----------
    names : str
        In the name of a column, they speak of the category.
    unsure : str
        In the name of a column, they may.
    others : str
        With the same words, they speak of something else.
    values : str
        Values that tell the category by themselves.
    generic : str
        Values that do so beside one of `values`.
    proxies : str
        In the name of a column, they speak of what the category may be told from.
    proxy_values : str
        Values from which it may be told.
    elsewhere : str
        In the name of a column, they explain the values otherwise.
    """

    names: str
    unsure: str = ""
    others: str = ""
    values: str = ""
    generic: str = ""
    proxies: str = ""
    proxy_values: str = ""
    elsewhere: str = ""


HEALTH = Vocabulary(
    names="""
    health*, diagnos*, diag, a 1 c*, fbs, deye, drem, dphy, инв группа, группа инв, оорулар*, vakcin*,
    диспансер*, состоит на учете, disease*, illness*, sickness*, sick leave, sick days, disabilit*, disabled
    person, impairment*, medical*, symptom*, syndrome*, allerg*, asthma*, diabet*, cancer*, tumor*, tumour*,
    hiv, hiv status, aids status, hepatit*, covid, tubercul*, hypertens*, epilep*, pregnan*, miscarriage*,
    abortion*, mental health, mental illness, mental disorder*, медкарт*, мед карта, хуни гурӯҳ, psychiatr*,
    depression, depressive, anxiety, dementia, autis*, adhd, insulin*, glucose*, cholesterol*, chol,
    hemoglobin*, haemoglobin*, hba, bmi, body mass index, blood*, heart rate, heart disease*, heart attack*,
    heart failure, cardiac*, cardio*, trestbps, thalach, thalassemia, angina, chest pain, exang, ecg, ekg,
    restecg, comorbid*, vaccin*, immunization*, icd, icd code*, chronic*, obes*, anemia, anaemia, stroke
    history, had stroke, creatinin*, surgery, surgeries, hospitalization*, hospitalized, hospitalised,
    readmitted, readmission*, patient history, hearing loss, wheelchair*, blindness, family history of,
    menopaus*, menstrua*, диагноз*, болезн*, заболев*, здоров*, инвалидност*, группа инвалид*, симптом*,
    аллерги*, беремен*, анамнез*, туберкул*, онколог*, психиатр*, психич*, группа крови, давление
    артериальное, артериальное давление, вич статус, вакцин*, прививк*, больничн*, медицин*, мкб, диабет*,
    астма, гепатит*, хронич*, гипертони*, холестерин*, сахар крови, саломат*, бемори*, касалӣ, ташхис*,
    маъюб*, ҳомила*, гурӯҳи хун, фишори хун, эмгузар*, kasallik*, kasalligi, tashxis*, sogʻliq*, sogʻlig*,
    nogiron*, homilador*, qon guruhi, qon bosimi, emlash, emlangan*, ауруы, ауру түрі, аурулар*, созылмалы
    ауру, денсаулық*, денсаулығ*, мүгедек*, жүктілі*, қан тобы, қан қысымы, екпе*, оорусу, оору түрү, өнөкөт
    оору, ден соолу*, майып*, майыптыг*, кош бойлуу*, кан тобу, кан басымы, эмдөө*, kesel, keseli, keselleri,
    keselçilik*, saglyk*, saglyg*, maýyp*, göwrelilik*, gan topary, gan basyşy, sanjym*
    """,
    unsure="""
    stroke, patient*, family history, condition*, handicap*, disabled, therap*, clinical*, treatment*,
    wellness, trauma, injur*, pulse, sick, oldpeak, пациент*, травм*, лечение, давление, пульс, бемор, bemor,
    kasal, ауру, оору, науқас*, бейтап*, näsag, hassa, syrkaw*
    """,
    others="""
    health check*, healthcheck*, health status code, health endpoint, health url, health probe, service
    health, server health, node health, battery health, health points, disk health, portfolio health, loan
    health, health insurance premium, account health, cluster health, system health, credit health, financial
    health, stroke width, stroke color, stroke colour, stroke style, two stroke, four stroke, stroke count,
    handicap index, plant disease*, crop disease*, leaf disease*, blood diamond*, blood orange*, healthy
    food*, blood brothers, medical supplies*, condition code*, condition type*, road condition*, weather
    condition*, air condition*, property condition*, condition number, house condition*, overall condition*,
    terms and conditions*, preconditions, treatment group, treatment arm, treatment effect*, is treatment,
    water treatment*, feature disabled, is disabled, account disabled, button disabled, email disabled, user
    disabled, disabled at, disabled by, pulse width, pulse rate hz, economic depression, tropical depression,
    depression angle, pulse count, давление воздуха, давление воды, давление масла, давление шин, атмосферное
    давление, давление газа, tire pressure
    """,
    values="""
    diabet*, hypertens*, asthma*, cancer*, carcinom*, tubercul*, hepatit*, epilep*, schizophren*, leukem*,
    pneumon*, bronchit*, arthrit*, anemi*, anaemi*, dementia, alzheimer*, parkinson*, stroke, myocard*,
    infarct*, angina, hiv, aids, covid, influenza, migraine*, psoria*, malaria, obesity, depression, bipolar
    disorder, autism, pregnant, disability*, atrial fibrillation, kidney failure, chronic kidney disease,
    copd, диабет*, гипертони*, астм*, туберкул*, гепатит*, эпилепс*, шизофрен*, лейкем*, пневмони*, бронхит*,
    артрит*, анеми*, деменци*, инсульт*, инфаркт*, стенокард*, вич, грипп, мигрен*, псориаз*, ожирени*,
    депресси*, онколог*, инвалидност*, инвалид детства, инвалид 1 группы, инвалид 2 группы, инвалид 3 группы,
    беремен*, гастрит*, язва желудка, ишеми*, аллерги*, дцп, covid*, ковид*, бемории қанд, бемории дил,
    фишорбаланд*, камхунӣ, зардпарвин, нафастангӣ, сактаи дил, саратон, маъюб*, qandli diabet*, gipertoni*,
    sil kasalligi, kamqonlik, jigar sirrozi, yurak kasalligi, saraton, nogiron*, astma*, қант диабеті*, жүрек
    ауруы, өкпе ауруы, қан қысымы, қатерлі ісік, мүгедек*, анемия, ақыл кемістігі, кант диабети*, жүрөк
    оорусу, өпкө оорусу, рак оорусу, кургак учук, майып*, süýji keseli, ýürek keseli, inçekesel, gan azlyk,
    rak keseli, demgysma, maýyp*, gipertoniýa*
    """,
    generic="""
    none, healthy, disabled, no disease, no, normal, ulcer*, gastrit*, heart disease, kidney disease, liver
    disease, fracture*, injury, flu, fever, cough, pain, headache, рак, перелом, травма, здоров, нет, норма,
    язва, сил, сактаи мағзӣ, солим, sogʻlom, sil, сау, дені сау, соо, sag, ab, o, a, b, o positive, a
    positive, b positive
    """,
    proxies="""
    medication*, medicine*, drug name, drug prescribed, prescription*, prescribed drug*, hospital*, clinic,
    clinic name, doctor visits, gp visits, smok*, tobacco use, nicotine*, alcohol use, alcohol abuse, alcohol
    consumption, drinks per week, diet*, dietary*, calorie intake, physical activity, exercise frequency,
    sleep hours, sleep quality, care home, nursing home, sanatorium*, pharmacy, health insurer, life
    expectancy, лекарств*, препарат*, поликлиник*, больниц*, диета, диетическ*, курение, курит, курящ*,
    алкоголизм, лечащий врач, дору, доруворӣ, беморхона*, дармонгоҳ*, тамокукашӣ, парҳез*, dori, dorilar*,
    dori darmon*, kasalxona*, shifoxona*, chekish, chekadi, parhez*, дәрі, дәрі дәрмек*, аурухана*, емхана*,
    темекі шегу, шылым шегу, емдәм, дары дармек*, оорукана*, тамеки чегүү, мүнөз тамак, derman*, hassahana*,
    keselhana*, çilim çekmek, berhiz*
    """,
    proxy_values="""
    metformin*, insulin*, warfarin*, aspirin*, ibuprofen*, amoxicillin*, omeprazol*, atorvastatin*,
    losartan*, lisinopril*, salbutamol*, paracetamol*, sertraline*, diazepam*, tramadol*, levothyroxin*,
    gluten free, diabetic diet, метформин*, инсулин*, аспирин*, ибупрофен*, амоксициллин*, омепразол*,
    парацетамол*, лозартан*, аторвастатин*
    """,
)

ETHNICITY = Vocabulary(
    names="""
    ethnic*, race, raceeth*, racev, racepct*, racial*, anc 1 p, anc 2 p, nacionaln*, национальн* принадлежн*,
    нац ть, нац принадлежн*, is hispanic, hispanic*, latino, african american, indigenous status, tribe,
    tribal*, caste, skin color, skin colour, rac 1 p, detailed race, race ethnicity, national origin, is
    black, is white, is asian, национальност*, нацмен*, этнич*, этнос*, этногрупп*, народность, расов*, раса,
    национальная принадлежность, миллат, миллати, миллаташ, қавмият*, мансубияти миллӣ, millat, millati,
    millatingiz*, elat, etnik*, ұлт, ұлты, ұлтыңыз, ұлттық тегі, этникалық*, этностық*, улут, улуту,
    улутуңуз, этникалык*, milleti, millet, milletiňiz, etniki*
    """,
    unsure="""
    indigenous, clan, tribe name, irqi, ancestry, descent, black, white, minority, origin group, irq, нация,
    род
    """,
    others="""
    race time*, race id*, race no, race number*, race day*, race date*, race distance*, race name*, race
    result*, race position*, race start*, race end*, race track*, race type*, race class*, race lap*, race
    pace, race rank*, race entry*, race winner*, race odds, race condition*, race results, race year, race
    round, race location, race season, race event*, race course*, race car*, race speed*, race points, race
    finish*, race grade, race horse*, horse race*, car race*, arms race*, grand prix race, election race*,
    next race, last race, first race, bike race*, boat race*, drag race*, marathon race*, total race*, num
    race*, n race*, per race, race data, race category, races, dog breed*, gradient descent, black box, black
    friday, white balance, white wine*, white list*, black list*, blacklist*, whitelist*, black white, white
    label*, minority class*, minority shareholder*, race against
    """,
    values="""
    amer indian eskimo, american indian*, asian pac islander, asian pacific islander, pacific islander*,
    alaska native*, native hawaiian*, african american*, caucasian, hispanic*, latino*, black african, black
    caribbean, white british, black or african american*, mixed race, biracial, multiracial, таджик,
    таджичка, таджики, узбек, узбечка, узбеки, киргиз, киргизка, кыргызка, киргизы, казах, казашка, казахи,
    туркменка, туркмены, татарин, татарка, татары, уйгур, уйгурка, уйгуры, дунганин, дунганка, дунгане,
    каракалпак, каракалпачка, памирец, памирка, памирцы, кореец, кореянка, корейцы, украинец, украинка,
    украинцы, цыган, цыганка, цыгане, еврей, еврейка, евреи, чеченец, чеченка, чеченцы, башкир, башкирка,
    армянин, армянка, армяне, азербайджанец, азербайджанка, белорус, белоруска, немка, немец, немцы, курд,
    турок месхетинец, русские, тоҷик, тоҷики, ӯзбек, қирғиз, помирӣ, қазоқ, лӯлӣ, tojik, oʻzbek, qirgʻiz,
    qozoq, qoraqalpoq, uygʻur, қазақ, өзбек, орыс, қырғыз, ұйғыр, дүнген, тәжік, кәріс, неміс, күрд,
    түрікмен, тажик, дуңган, орус, özbek, gazak, garagalpak, gyrgyz, täjik, beluç
    """,
    generic="""
    white, black, asian, other, mixed, indian, chinese, korean, arab, roma, tajik, uzbek, kyrgyz, kazakh,
    russian, tatar, uyghur, dungan, german, ukrainian, pamiri, karakalpak, armenian, azerbaijani, jewish,
    kurdish, turkish, two or more, русский, русская, другие, другая, иной, иная, смешанная, прочие, араб,
    перс, татар, туркмен, кыргыз, рус, koreys, nemis, дигар, boshqa, басқа, башка, beýleki, eskimo, unknown,
    native american*
    """,
    proxies="""
    nationality, nationalities, citizenship*, country of birth, birth country, birthcountry, birthplace*,
    birth place*, place of birth, placeofbirth, place birth, born in, city of birth, native country*, country
    of origin, origin country, mother tongue*, mothertongue, native language*, first language, home language,
    language at home, language spoken at home, pobp, nativity, cit, citizen, born usa, foreign worker*,
    foreigner*, immigra*, migrant*, migration status, migration background, foreign born, visa status,
    residence permit*, место рождения, город рождения, страна рождения, гражданств*, подданств*, родной язык,
    мигрант*, миграционн*, прописка, страна происхождения, ҷои таваллуд, маҳалли таваллуд, зодгоҳ*,
    шаҳрвандӣ, табаият, забони модарӣ, муҳоҷир*, tugʻilgan joy*, tugʻilgan yurti, fuqarolig*, ona tili,
    muhojir*, туған жер*, туған жері, азаматтығы, азаматтық, ана тілі, туулган жер*, жарандыгы, жарандык, эне
    тили, doglan ýer*, raýatlyg*, ene dili
    """,
    elsewhere="""
    lang, language*, locale, cuisine*, kitchen, dish*, food*, menu, country, countries, nation, nations,
    color*, colour*, team*, breed*, wine*, chess*, winner, piece, side, shade, paint, car, horse*, dog*, cat,
    coin*, product*, flag, nationality, citizenship, origin, market*, region*, brand*, язык*, страна,
    гражданств*, цвет*, кухня, блюд*, команда, национальная кухня, забон*, кишвар*, ранг, til, tili, tillar,
    davlat*, rang, тіл, тілі, ел, түс*, тил, тили, өлкө, dil, dili, ýurt, reňk*, author*, currency, course*,
    subject*, translator, page
    """,
)

RELIGION = Vocabulary(
    names="""
    relig, religi*, eʼtiqod*, church attendance, church member*, faith group, faith affiliation, creed,
    denomination religious, caste religion, muslim, is muslim, is christian, islamic status, sect, worship*,
    религиоз*, религия, религии, религ принадлежн*, религиозн*, вероисп*, конфесси*, вероучени*, вера
    исповедан*, дину мазҳаб, мазҳаб*, эътиқоди динӣ, дини, динӣ, diniy, dini, diniy eʼtiqod, mazhab*,
    eʼtiqod, діни, діні, діни сенім*, дін ұстан*, диний ишеним*, диний, дини ишеними, dini ynanç*, dini
    ynanjy, dini garaýyş*
    """,
    unsure="""
    faith, belief*, church, denomination, din, дин, дін, вера, сенім, ишеним, ynanç, эътиқод
    """,
    others="""
    good faith, bad faith, faith level, din number, din standard, din en, din iso, church street, belief
    propagation, belief state, belief network, coin denomination, note denomination, denomination value,
    denomination amount, currency denomination, bill denomination, cash denomination
    """,
    values="""
    islam*, muslim*, sunnite*, shia, shiite, shi a, ismaili*, christian*, catholic*, protestant*, orthodox
    christian*, eastern orthodox*, russian orthodox*, lutheran*, baptist, baptists, baptist church*,
    evangelical*, methodist*, presbyterian*, pentecostal*, mormon*, judaism, buddhis*, hindu*, sikhs, sikhism,
    atheis*, agnosti*, zoroastrian*, bahai, jehovah*, mosque, roman catholic*, ислам*, мусульман*, суннит*,
    шиит*, исмаилит*, христиан*, католи*, протестант*, православ*, лютеран*, баптист*, иудаизм, иудей,
    буддизм*, буддист*, индуизм*, атеис*, агностик*, свидетели иеговы, зороастри*, адвентист*, ислом*,
    мусулмон*, насрон*, исмоилӣ*, шиа, зардушт*, буддоӣ, islom*, musulmon*, xristian*, nasroniy*, buddaviy*,
    мұсылман*, будда*, мусулман*, yslam*, hristian*, butparaz, dinsiz*, дінсіз, бединӣ
    """,
    generic="""
    jewish, orthodox, sunni, суннӣ, sikh, none, no religion, other, secular, нет, другое, прочее, башка,
    басқа, boshqa, дигар, jew, pagan
    """,
    proxies="""
    halal*, kosher, prayer*, pray*, namaz*, mosque*, synagogue*, temple visits, zakat*, hajj, umrah, fasting
    days, ramadan*, dietary restriction*, meal preference*, hijab*, headscarf, халяль*, намаз*, мечет*,
    закят*, хадж*, пост рамазан, ҳалол*, намоз*, масҷид*, закот*, рӯза*, halol*, namoz*, masjid*, zakot*,
    roʻza, мешіт*, ораза*, зекет*, мечит*, орозо*, metjit*, oraza*
    """,
    proxy_values="halal, kosher, халяль, кошерное, ҳалол, halol",
    elsewhere="""
    street*, address*, name*, title*, author*, holiday*, book*, текст, улица, architecture*, building*,
    school*
    """,
)

POLITICS = Vocabulary(
    names="""
    politic*, party affiliation*, party membership, party member, party preference*, voter party, voted for,
    voted party, vote choice, vote intention*, voting intention*, voting preference*, voter registration*,
    registered party, party registration, ideolog*, ideo 7, partisan*, political party, activist*, left right
    scale, political donation*, campaign contribution*, политич*, партийност*, партийн*, член партии,
    членство в партии, голосовал за, ҳизб*, узви ҳизб, сиёсӣ, siyosӣ, аъзои ҳизб, siyosiy*, partiya aʼzo*,
    partiyaviy*, firqa*, саяси*, саясат*, партия мүше*, партияға мүше*, партияга мүчө*, partiyaga aʼzo*,
    партиялығы, партиялық*, саясий*, партия мүчө*, партиялуулуг*, syýasy*, partiýa agza*, partiýalylyk*
    """,
    unsure="""
    party, партиясы, partiyasi, partiýasy, партия, partiya, partiýa, vote, voter, dissident*, protest*
    """,
    others="""
    party size*, party count, party id, party number, party type, party role, party code, party name, third
    party*, first party, second party, counter party*, counterparty*, related party*, party date, party time,
    birthday party*, party supplies, party people, party guests, dinner party*, party wall, responsible
    party, liable party, other party, party of, num party, party line, vote count, vote average*, votes, up
    vote*, down vote*, vote total, helpful vote*, vote at, партия товара, номер партии, партия id, дата
    партии, размер партии, партия сырья, партия груза, код партии, partiya raqami, partiya soni, partiya
    nomeri, party hall, protest fee, politically exposed
    """,
    values="""
    republican*, democrat*, labour party, conservative party, green party, communist*, socialist*, social
    democrat*, libertarian*, liberal democrat*, christian democrat*, fascis*, anarchis*, единая россия, кпрф,
    лдпр, справедливая россия, новые люди, народно демократическ*, социал демократ*,
    коммунист*, демократ*, республикан*, либерал*, ҳхдт, ҳизби халқии демократии тоҷикистон, ндпт, пивт,
    ҳнит, ҳизби коммунистӣ*, ҳизби аграрӣ*, oʻzlidep, milliy tiklanish, adolat sdp, xalq demokratik partiya*,
    нұр отан, nur otan, аманат партия*, ақ жол, ak zhol, ауыл партия*, байтақ, республика партия*,
    сдпк, ата мекен, ата журт, бүтүн кыргызстан, мекенчил, демократик партия*, demokratik partiýa*, agrar
    partiýa*
    """,
    generic="""
    independent, conservative, liberal, green, left, right, center, centre, moderate, progressive, labour,
    democratic, other, беспартийн*, яблоко, амал, аманат, amanat, независимый, центрист, левые, правые,
    бетараф, mustaqil, adolat, тәуелсіз, none, dem, rep, ind
    """,
    elsewhere="""
    method*, mode, hand*, side, color*, colour*, alignment*, direction*, цвет, direction, turn, position
    """,
)

UNION = Vocabulary(
    names="""
    trade union*, labor union*, labour union*, union member*, union dues, union status, union represent*,
    unionized, unionised, union fee*, in union, is union, workers union, профсоюз*, член профсоюза,
    профсоюзн*, касаба, иттифоқи касаба*, узви касаба*, kasaba, kasaba uyushma*, кәсіподақ*, кәсіподағ*,
    кәсіпшілер одағ*, кесиптик бирлик*, профбирлик*, kärdeşler arkalaşyg*, profsoýuz*
    """,
    unsure="union, аъзои иттифоқ",
    others="""
    union id, union all, union find, union jack, union type*, european union*, credit union*, customs union*,
    soviet union*, union pacific, union square, western union*, union pay*, unionpay, union territory, union
    code, union bank*, union set, union station, union council*, union of, union city, rugby union, civil
    union*, union number, union name
    """,
)

SEX_LIFE = Vocabulary(
    names="""
    sexual*, sex life, sex partner*, sex partners, number of sexual partners, lgbt*, lgbtq*, homosexual*,
    bisexual*, heterosexual*, gay, lesbian*, is gay, transgender*, is trans, gender identity, same sex,
    сексуальн*, половая жизнь, половой партнер*, половых партнер*, ориентация сексуальн*, лгбт*,
    гомосексуал*, тамоюли ҷинсӣ, ҳаёти ҷинсӣ, самти ҷинсӣ, jinsiy hayot*, jinsiy orientat*, jinsiy moyil*,
    жыныстық бағдар*, жыныстық өмір*, жыныстык багыт*, жыныстык жашоо*, jyns durmuş*, jyns ugr*, jynsy
    gatnaşyk*
    """,
    unsure="orientation preference, transsexual*, sexuality",
    others="""
    bisexual plant*, asexual reproduc*, sexual dimorphism, gaylord, lesbian gay bar count, sexual
    reproduction*
    """,
    values="""
    heterosexual*, homosexual*, bisexual*, gay man, gay woman, lesbian*, queer, asexual*, pansexual*,
    transgender*, cisgender*, гетеросексуал*, гомосексуал*, бисексуал*, лесбиянк*, трансгендер*,
    geteroseksual*, gomoseksual*
    """,
    generic="gay, гей, straight, other, prefer not to say, другое",
    proxies="""
    contracepti*, birth control*, контрацепт*, dating app*, condom*, marital infidel*, контрацептив*
    """,
    elsewhere="plant*, flower*, reproduction*, species*, line*, road*",
)

GENETICS = Vocabulary(
    names="""
    genetic*, genom*, genotyp*, dna, snp, snps, allele*, haplotyp*, haplogroup*, gene, genes, gene variant*,
    brca, apoe, karyotyp*, mutation status, exome*, hereditary disease*, polygenic*, methylation*, генетич*,
    геном*, генотип*, днк, аллел*, гаплотип*, гаплогрупп*, наследственн*, ирсӣ, ирсият*, генетик*, irsiy*,
    irsiyat*, genetik*, днқ, тұқым қуала*, генетикалық*, тукум куу*, генетикалык*, nesil yzarlaýan*
    """,
    unsure="mutation*, rna, мутаци*",
    others="""
    genetic algorithm*, genetic program*, genetic optimi*, mutation rate, mutation operator, mutation prob*,
    graphql mutation*
    """,
)

BIOMETRICS = Vocabulary(
    names="""
    biometr*, fingerprint template*, fingerprint im*, fingerprint scan*, fingerprint data*, fingerprint
    vector*, fingerprint feature*, fingerprint minutia*, finger prints, left fingerprint*, right fingerprint*,
    face embedding*, face encoding*, face vector*, face template*, face id, faceid, face image*, face photo*,
    face recognition*, facial*, faceprint*, voice print*, voiceprint*, voice sample*, voice embedding*, iris
    scan*, iris code*, iris image*, iris template*, retina scan*, retinal*, palm print*, palm vein*, gait
    pattern*, hand geometry, keystroke dynamic*, signature image, dactylo*, биометр*, отпечат* пальц*,
    отпечатки, дактилоскоп*, радужк*, радужная оболочка, скан лица, изображение лица, голосовой слепок, слепок
    голоса, эмбеддинг лица, изи ангушт*, нақши ангушт*, биометрӣ, barmoq izi, barmoq izlari, yuz tasviri,
    biometrik*, саусақ ізі, саусақ іздері, бет бейнесі, манжа изи, манжа издери, бет сүрөтү, barmak yzy,
    barmak yzlary, ýüz şekili
    """,
    unsure="finger print, iris, retina*, gait, voice recording*, face, selfie*, отпечат*, лицо, селфи",
    others="""
    device fingerprint*, browser fingerprint*, file fingerprint*, key fingerprint*, ssh fingerprint*, cert
    fingerprint*, certificate fingerprint*, sha 256 fingerprint*, sha 1 fingerprint*, md 5 fingerprint*,
    fingerprint hash, fingerprint md, fingerprint sha, sha fingerprint*, tls fingerprint*, ja fingerprint*,
    audio fingerprint*, canvas fingerprint*, molecular fingerprint*, chemical fingerprint*, content
    fingerprint*, code fingerprint*, fingerprintjs*, request fingerprint*, user agent fingerprint*,
    fingerprint id, carbon fingerprint*, facial tissue*, retina display*, iris setosa, iris versicolor, iris
    virginica, iris sepal*, iris petal*, face value*, font face*, type face*, face mask count, face count,
    voice plan*, voice mail*, voice minutes, voice call*, контактное лицо, юридическое лицо, физическое лицо,
    тип лица, юр лицо, физ лицо, лицо контакт*, ответственное лицо, биометрический паспорт, biometric
    passport
    """,
)

CRIMINAL = Vocabulary(
    names="""
    criminal*, convict*, felon*, misdemeanor*, misdemeanour*, arrest, arrests, arrested, police record*,
    prison*, incarcerat*, inmate*, jail*, parole, paroled, recidiv*, recid, is recid, is violent recid, two
    year recid, decile score recid, priors, priors count, prior conviction*, prior arrest*, prior offense,
    prior offence*, prior felon*, juv fel count, juv misd count, juv other count, offender*, offence history,
    offense history, c charge degree, charge degree, r charge degree, crime history, crime record, rap sheet,
    custody status, probation officer, sex offender*, warrant status, court record*, судимост*, судим,
    преступлен*, преступник*, осужд*, арест*, уголовн*, тюрьм*, тюремн*, заключенн*, условный срок, срок
    заключения, доғи судӣ*, судшавӣ, судшуда*, ҷиноят*, маҳкум*, маҳбас*, зиндон*, sudlan*, sudlangan*,
    jinoyat*, mahkum*, qamoq*, ozodlikdan mahrum*, соттал*, сотталғ*, соттылы*, соттулуг*, қылмыс*, түрме*,
    бас бостандығы*, кылмыш*, соттолгон*, соттуулуг*, камакта*, jenaýat*, kesilen*, sudimost*, türme*
    """,
    unsure="""
    offense*, offence*, crime*, charge degree, probation, custody, sentence length, prior, suspect*,
    detained, задержан*
    """,
    others="""
    cardiac arrest*, convicted pixel, crime rate*, crime index*, crime per*, per capita crime*, crime count*,
    area crime*, crime zone, crim rate, probation period, probation end*, probation month*, probation days,
    custody fee*, custody account*, custody bank*, custodian*, child custody, prior probability, prior mean,
    prior art, prior year*, prior month*, prior balance*, prior period*, prior loan*, prior default*, prior
    week*, prior score*, prior address*, prior employ*, prior visit*, prior sales, prior claims, lightning
    arrest*, surge arrest*, conviction score*, conviction rate*, convictions lift, criminality index*,
    criminality rate*, conviction level*, investment conviction*, rule conviction, conviction metric, arrest
    gear, suspect data, suspect parts, арест счета, арест счёта, арест имущества, арест на счет*, account
    arrest*, arrested development
    """,
    values="""
    convicted, felony, misdemeanor, misdemeanour, incarcerated, imprisoned, paroled, acquitted, ex convict,
    on parole, on probation, criminal record*, aggravated assault*, grand theft*, battery domestic,
    possession of cocaine*, burglary*, manslaughter, homicide, судим, судима, не судим, не судима, осужден*,
    имеет судимост*, есть судимост*, судимость погашен*, судимость снята, судимости нет, нет судимост*, под
    следствием, условно осужден*, убийство, кража, разбой, грабеж, мошенничество, наркотик*, судшуда,
    маҳкумшуда, sudlangan, sudlanmagan, сотталған, сотталмаған, соттолгон, соттолбогон, kesilen, kesilmedik
    """,
    generic="""
    none, no record, clean, f, m, robbery, assault, theft, fraud, нет, йӯқ, yoʻq, жоқ, жок, ýok, не имеет
    """,
    elsewhere="""
    crime*, dispute*, claim*, loss*, rule*, alert*, fraud*, incident*, category, reason*, genre*, event*,
    risk*, причин*, событи*, инцидент*, убыт*, риск*, категори*, сабаб*
    """,
)

CHILDREN = Vocabulary(
    names="""
    child name*, child first name, child last name, child dob, child birth*, child age*, childs age, childs
    name, child gender, child sex, child school, child photo*, is child, is minor, minor name, is underage,
    underage*, juvenile*, schoolchild*, kindergart*, preschool*, nursery school, infant, infants, toddler*,
    newborn*, baby name, baby weight, baby dob, baby birth*, pupil name, pupil id, pupil age, orphan*, foster
    child*, student under, parental consent, guardian consent, несовершеннолетн*, школьник*, школьниц*,
    дошкольник*, дошкольн*, малолетн*, младенец*, детсад*, детский сад, фио ребенка, имя ребенка, возраст
    ребенка, дата рождения ребенка, пол ребенка, подросток*, сирота, ребенок сирота, ноболиғ*, номи кӯдак,
    ному насаби кӯдак, синни кӯдак, кӯдакистон, ятим*, voyaga yetmagan*, bolaning*, bola ismi, bola yoshi,
    bolalar bogʻcha*, bogʻcha*, chaqaloq*, yetim*, кәмелетке толмаған*, баланың*, балабақша*, бала аты, бала
    жасы, нәресте*, жетім*, жашы жете элек*, жашы жетпеген*, баланын*, бала бакча*, наристе*, жетим*,
    kämillik ýaşyna ýetmedik*, çaganyň*, çagalar bagy*, çaga ady, bäbek*, ýetim*
    """,
    unsure="""
    child, minor, minors, pupil*, kid, schoolboy, schoolgirl, adolescent*, teen, teenager*, ученик*, ребенок,
    ребенка, кӯдак, хонанда*, bola, oʻquvchi*, бала, оқушы*, окуучу*, çaga, okuwçy*
    """,
    others="""
    child process*, child node*, child id, child account*, child compan*, child theme*, child sku*, child
    asin, child category, child support*, child element*, child count*, child index*, child order*, child
    care*, childcare*, child benefit*, parent child, child benefit, child allowance, child tax*, child
    parent, child widget*, child task*, child key*, child table*, child page*, num child*, n child*, has
    child*, no of child*, number of child*, children*, kids, minor version*, minor amount, minor unit*,
    version minor, major minor, minor id, minor device, minor defect*, minor injur*, pupil diameter, pupil
    size, pupil dilation, baby food, baby product*, baby goods, babysit*, adult child ratio, child seat*,
    количество детей, дети, число детей, кол во детей, шумораи кӯдакон, bolalar soni, балалар саны, балдар
    саны, çaga sany, çagalaryň sany, child pid, child window, juvenile fish, minor surface, minor axis, minor
    axis length, minor ticks, minor currency
    """,
)

VOCABULARIES = {
    "health": HEALTH,
    "ethnicity": ETHNICITY,
    "religion": RELIGION,
    "politics": POLITICS,
    "union": UNION,
    "sex-life": SEX_LIFE,
    "genetics": GENETICS,
    "biometrics": BIOMETRICS,
    "criminal": CRIMINAL,
    "children": CHILDREN,
}
"""By category, as a configuration names it."""
