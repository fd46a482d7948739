"""Function words of questions for a contact, by language.

`QUESTION_WORDS` are never names: a query that has one is a sentence. `SENTENCE_WORDS` may be names ("Le Mei",
"Ki Min-jae"): they are function words only in a sentence.
Sources: the function words of the Snowball stop lists (https://snowballstem.org), reduced to those of questions for a
person, and for the Indian languages the transliterations in common use in chats.
"""

_QUESTION_WORDS = {
    "en": """
        about address anybody anyone anything are at belongs called caller calling calls card cards cell cellphone
        connect contact contacts could crm details dial did directory does email emails extn fetch find from fax
        full gave give get gmail has have having incoming info information into its kindly know known landline like
        listed look looking lookup mail mails missed mobile mobiles msg named need needed needs nos number numbers
        our outgoing ours person persons phone phonebook phones please pls plz profile pull reach received record
        records regarding retrieve ring ringing saved search send share show sms someone somebody somewhere speak
        spoke talk telephone tell text that their them there these they this those to us urgent urgently want wanted
        was we were what whats whatsapp when where which who whom whos whose with work worked working works would you
        your
    """,
    "hi": """
        baat bata batao bataiye bataye bhejo bhej bhejna bhejiye bolo chahie chahiye chahiyega dedo dena dijiye dijiyega
        dhoondo dhundo dikhao hai hoga hogi jara zara jisko jiska kahan karana karna karni karo karwao karwa kaun
        kaunsa kise kisi kiska kiske kiski kisko kya lagao lagado lagana lagaiye mera meri mere milao milega
        mujhe mujhko nahi nikal nikalo pata patao phon fon poocho unka unki uska uski yaar yeh
    """,
    "ta": """
        enna ennoda evlo irukura irukkura irukkara irukkira irukka iruka irundhu kidaikuma kodu kodunga kudu kudunga
        number venum vendum venumnu yaar yaaru yaroda yaarudaiya yaaroda avaroda avaru idhu ithu adhu sollu sollunga
        udaiya anuppu anuppunga pannu pannunga
    """,
    "te": "cheppandi cheppu emiti enti evaru evari evaridi gari ivvandi ivvu kavali kaavali pampandi pampu undi unda",
    "ml": "ariyamo aaranu aarude entha enthanu ethra kittumo parayu tharu tharumo tharoo undo vendi venam",
    "kn": "avara avaradu beku bekagide elli enu ettu helu heli ide kalisi kodi kodri yaaru yaradu yavudu",
    "mr": "aahe aahet dya dyal dyaal hava havay havaa kay kaay kona konacha konache kuthe paathva pathva sanga",
    "bn": "bolo dao daao diben dite hobe kothay kothai lagbe pathao patho thik",
    "gu": "aapo apo che chhe joiye joie kaho kona moklo ",
    "pa": "chahida chahidi dasso daso dio kihda kihdi",
    "fr": """
        appelle appeler avez avons cherche chez coordonnees connaissez courriel donnez donne numero quel quelle
        qui telephone tel trouver trouvez
    """,
    "es": "buscar busco cual correo cuales del dame encontrar llamar llame necesito numero quien quiero telefono tiene",
    "pt": "celular contato email ligar me numero preciso procuro qual quem telefone telemovel quero",
    "it": "cellulare cerco chiamare contatto dammi numero qual recapito telefono",
    "de": """
        anrufen bitte durchwahl finde finden gib handynummer handy kontakt lautet nummer
        rufnummer suche telefonnummer telefon wie wer wo
    """,
    "nl": "bellen geef nummer telefoonnummer zoek",
    "tr": "kimdir lutfen nedir numara numarasi numarasini telefon telefonu telefonunu cep eposta",
    "id": "berapa hubungi kontak nomor telepon telpon siapa tolong",
    "ru": "bozhalusta daite dai kakoi kontakt nomer nayti pozhaluysta pozvonit telefon telefona",
    "ar": "raqam rakam hatif hatef jawal",
    "vi": "cua dien thoai sdt",
    "pl": "jaki kto numer podaj telefonu szukam",
}
_SENTENCE_WORDS = {
    "en": """
        a ahead all also an and any as ask asking back be being but by call came can cc chat desk do employee employees
        every for got him his her hers hi hey hello home how i id if in is it just let may me member members message
        meet my name names no not now of office okay on one only or out over ph per phn quick ready said say says she
        he so staff some still sure thanks than the then through today too up via wants well whoever why will yes
        yet invoice meeting guy lady gentleman man woman folks people colleague colleagues customer client company
        employed team dept department entry entries sir
    """,
    "hi": "bhai bhaiya wala wale wali walla vala vale vali mila hain wahan waha ka ke ko ki wo yar ye de do dijie di ek hi ho jaldi kar ki lo na ne no par se sir sahab saab tha thi the to vo ji",
    "ta": "la le inga anga anna ku kitta oda",
    "te": "ki lo ni nu",
    "mr": "la na ni cha chi che",
    "bn": "amar ke ki na o ta tar er kar din chai",
    "fr": "moi est au aux de des du en et je la le les ou pour un une",
    "es": "a al de el en es la las los me mi para por un una y",
    "pt": "a as do da dos das de e em o os para por um uma",
    "it": "della chi di e il la lo per un una",
    "de": "der die das mir ist von an auf bei den dem ein eine fur im in ich mich und zu",
    "nl": "het van wat wie de een en ik in me mij op voor",
    "tr": "bana bir ve",
    "id": "apa cari dari minta ada di itu saya yang",
}
_NATIVE_SCRIPT_QUESTION_WORDS = """
नंबर नम्बर फोन फ़ोन मोबाइल का की के को क्या है कौन दो चाहिए बताओ नंबर
எண் தொலைபேசி என்ன நம்பர் வேண்டும்
నంబర్ ఫోన్ ఏమిటి కావాలి
নম্বর ফোন কত দাও
نمبر فون کا کی کیا ہے چاہیے
رقم هاتف جوال ما هو
شماره تلفن چیست
номер телефона телефон какой кто позвонить
电话号码 电话 号码 手机 手机号 的 是 多少 联系方式 電話番号 の は 教えて 전화번호 번호 연락처 의
เบอร์ โทร เบอร์โทร โทรศัพท์ ของ
"""


def _all(tables: dict[str, str]) -> frozenset[str]:
    return frozenset(" ".join(tables.values()).split())


QUESTION_WORDS = _all(_QUESTION_WORDS)
SENTENCE_WORDS = _all(_SENTENCE_WORDS) - QUESTION_WORDS
_QUESTION_NOUNS = """
address anybody anyone anything call calls caller card cards cell connect contact contacts details directory email
emails fax full info information incoming know live mail mails message mobile mobiles need number numbers outgoing
person persons phone phonebook phones pull reach record records ring search send share show text telephone work
works working handy cellulare celular telefon telefone contatto jawal hatif pata cell kar
"""
QUESTION_NOUNS = frozenset(_QUESTION_NOUNS.split())
"""The question words that also occur in names of companies and in titles."""
NATIVE_SCRIPT_QUESTION_WORDS = tuple(sorted(set(_NATIVE_SCRIPT_QUESTION_WORDS.split()), key=len, reverse=True))
"""Question words that are not in Latin letters, the longest first."""
_CONNECTORS = """
and n und et y e i va aur mattrum ane or ya ou oder
"""
CONNECTORS = frozenset(_CONNECTORS.split())
"""Words that join two words of a company's name, or two people."""
INNER_FUNCTION_WORDS = (
    frozenset(("in", "of", "with", "the", "ka", "ke", "ki", "ko", "cha", "chi", "che", "da", "di", "wala", "wali"))
    | CONNECTORS
)
"""Words that are function words wherever they are between two other words."""
LEADING_FUNCTION_WORDS = frozenset(("the",))
"""Words that are function words at the start of a query."""
COMPANY_PREPOSITIONS = frozenset(("at", "from", "in", "of", "with", "chez", "bei", "for"))
"""Prepositions before the name of a company, as in "Priya at Acme"."""
