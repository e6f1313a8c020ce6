"""Small texts in languages whose words are not runs of letters between spaces.

`sentences` makes texts from lists of words, written for this benchmark; `names` takes
names of languages, countries, currencies, scripts, cities and time zones from the CLDR
data of the package Babel.
"""

from typing import NamedTuple

import numpy as np


class Words(NamedTuple):
    """Words of one language: three topics, and words that fit any topic.

    Attributes
    ----------
    code : str
        Code of the language.
    separator : str
        What stands between two words.
    animals, clothes, food, others : str
        Words, separated by blanks.
    """

    code: str
    separator: str
    animals: str
    clothes: str
    food: str
    others: str


LANGUAGES = {
    "Thai": Words(
        "th",
        "",
        "เสือ แมว สุนัข ช้าง นก ปลา หมู ไก่ วัว ม้า ลิง งู",
        "เสื้อ กางเกง หมวก รองเท้า ถุงเท้า กระโปรง ผ้าพันคอ เข็มขัด ชุด แว่นตา แหวน นาฬิกา",
        "ข้าว น้ำ กาแฟ ชา ขนม ผลไม้ ผัก ไข่ แกง ก๋วยเตี๋ยว นม เกลือ",
        "ฉัน เขา ชอบ เห็น มี ใน บ้าน วันนี้ และ ไม่ มาก ที่",
    ),
    "Lao": Words(
        "lo",
        "",
        "ເສືອ ແມວ ໝາ ຊ້າງ ນົກ ປາ ໝູ ໄກ່ ງົວ ມ້າ ລີງ ງູ",
        "ເສື້ອ ໂສ້ງ ໝວກ ເກີບ ຖົງຕີນ ກະໂປ່ງ ຜ້າພັນຄໍ ສາຍແອວ ຊຸດ ແວ່ນຕາ ແຫວນ ໂມງ",
        "ເຂົ້າ ນ້ຳ ກາເຟ ຊາ ເຂົ້າໜົມ ໝາກໄມ້ ຜັກ ໄຂ່ ແກງ ເຝີ ນົມ ເກືອ",
        "ຂ້ອຍ ລາວ ມັກ ເຫັນ ມີ ໃນ ເຮືອນ ມື້ນີ້ ແລະ ບໍ່ ຫຼາຍ ທີ່",
    ),
    "Khmer": Words(
        "km",
        "",
        "ខ្លា ឆ្មា ឆ្កែ ដំរី បក្សី ត្រី ជ្រូក មាន់ គោ សេះ ស្វា ពស់",
        "អាវ ខោ មួក ស្បែកជើង ស្រោមជើង សំពត់ ក្រមា ខ្សែក្រវាត់ រ៉ូប វ៉ែនតា ចិញ្ចៀន នាឡិកា",
        "បាយ ទឹក កាហ្វេ តែ នំ ផ្លែឈើ បន្លែ ស៊ុត សម្ល គុយទាវ ទឹកដោះគោ អំបិល",
        "ខ្ញុំ គាត់ ចូលចិត្ត ឃើញ មាន ក្នុង ផ្ទះ ថ្ងៃនេះ និង មិន ណាស់ ដែល",
    ),
    "Burmese": Words(
        "my",
        "",
        "ကျား ကြောင် ခွေး ဆင် ငှက် ငါး ဝက် ကြက် နွား မြင်း မျောက် မြွေ",
        "အင်္ကျီ ဘောင်းဘီ ဦးထုပ် ဖိနပ် ခြေအိတ် စကတ် ပုဝါ ခါးပတ် ဂါဝန် မျက်မှန် လက်စွပ် နာရီ",
        "ထမင်း ရေ ကော်ဖီ လက်ဖက်ရည် မုန့် သစ်သီး ဟင်းသီးဟင်းရွက် ကြက်ဥ ဟင်း ခေါက်ဆွဲ နို့ ဆား",
        "ကျွန်တော် သူ ကြိုက် မြင် ရှိ အိမ် ယနေ့ နှင့် မဟုတ် အလွန် တွင် သည်",
    ),
    "Chinese": Words(
        "zh",
        "",
        "老虎 猫 狗 大象 鸟 鱼 猪 鸡 牛 马 猴子 蛇",
        "衬衫 裤子 帽子 鞋 袜子 裙子 围巾 皮带 大衣 眼镜 戒指 手表",
        "米饭 水 咖啡 茶 蛋糕 水果 蔬菜 鸡蛋 汤 面条 牛奶 盐",
        "我 他 喜欢 看见 有 在 家里 今天 和 不 非常 的",
    ),
    "Japanese": Words(
        "ja",
        "",
        "とら ねこ いぬ ぞう とり さかな ぶた にわとり うし うま さる へび",
        "シャツ ズボン 帽子 靴 靴下 スカート マフラー ベルト コート めがね 指輪 時計",
        "ごはん 水 コーヒー お茶 ケーキ 果物 野菜 たまご スープ ラーメン 牛乳 塩",
        "私 彼 好き 見る ある 家 今日 と ない とても これ その",
    ),
    "Hindi": Words(
        "hi",
        " ",
        "बाघ बिल्ली कुत्ता हाथी पक्षी मछली सूअर मुर्गा गाय घोड़ा बंदर साँप",
        "कमीज़ पतलून टोपी जूता मोज़ा घाघरा मफ़लर पेटी कोट चश्मा अँगूठी घड़ी",
        "चावल पानी कॉफ़ी चाय मिठाई फल सब्ज़ी अंडा दाल रोटी दूध नमक",
        "मैं वह पसंद देखा है में घर आज और नहीं बहुत जो",
    ),
    "Tamil": Words(
        "ta",
        " ",
        "புலி பூனை நாய் யானை பறவை மீன் பன்றி கோழி மாடு குதிரை குரங்கு பாம்பு",
        "சட்டை கால்சட்டை தொப்பி காலணி காலுறை பாவாடை துண்டு இடுப்புப்பட்டை மேலங்கி "
        "கண்ணாடி மோதிரம் கடிகாரம்",
        "சோறு தண்ணீர் காபி தேநீர் இனிப்பு பழம் காய்கறி முட்டை குழம்பு இட்லி பால் உப்பு",
        "நான் அவன் பிடிக்கும் பார்த்தேன் உள்ளது இல் வீடு இன்று மற்றும் இல்லை மிகவும் அந்த",
    ),
    "Bengali": Words(
        "bn",
        " ",
        "বাঘ বিড়াল কুকুর হাতি পাখি মাছ শূকর মুরগি গরু ঘোড়া বানর সাপ",
        "জামা প্যান্ট টুপি জুতা মোজা ঘাগরা ওড়না বেল্ট কোট চশমা আংটি ঘড়ি",
        "ভাত জল কফি চা মিষ্টি ফল সবজি ডিম ডাল রুটি দুধ লবণ",
        "আমি সে পছন্দ দেখা আছে মধ্যে বাড়ি আজ এবং না খুব যে",
    ),
}


def sentences(
    words: Words, n_texts: int, random_state: np.random.RandomState
) -> tuple[list[str], list[int]]:
    """Make texts of five words, one of which tells the topic.

    Parameters
    ----------
    words : Words
        The words of a language.
    n_texts : int
        Number of texts.
    random_state : RandomState
        Source of chance.

    Returns
    -------
    texts, topics : list of str, list of int
        The texts, and the topic of each.
    """
    topics = [words.animals.split(), words.clothes.split(), words.food.split()]
    texts, labels = [], []
    for number in range(n_texts):
        label = number % len(topics)
        chosen = [random_state.choice(topics[label])]
        chosen += random_state.choice(words.others.split(), size=4).tolist()
        random_state.shuffle(chosen)
        texts.append(words.separator.join(chosen))
        labels.append(label)
    return texts, labels


def names(words: Words) -> tuple[list[str], list[str]]:
    """Return names and what each is the name of.

    Parameters
    ----------
    words : Words
        A language.

    Returns
    -------
    texts, kinds : list of str, list of str
        Distinct names, and their kinds.
    """
    from babel import Locale

    locale = Locale.parse(words.code)
    kinds = {
        "language": locale.languages.values(),
        "country": locale.territories.values(),
        "currency": locale.currencies.values(),
        "script": locale.scripts.values(),
        "city": [zone["city"] for zone in locale.time_zones.values() if "city" in zone],
        "time zone": [
            name
            for zone in locale.meta_zones.values()
            for name in zone.get("long", {}).values()
        ],
    }
    found: dict[str, str] = {}
    for kind, values in kinds.items():
        for name in values:
            found.setdefault(name, kind)
    return list(found), list(found.values())
