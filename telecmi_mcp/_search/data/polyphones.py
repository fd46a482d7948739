"""Han characters whose reading as a family name differs from the usual one, with that reading in pinyin.

Source: the surname readings of Xiandai Hanyu Cidian, 7th edition.
"""

SURNAME_READINGS = {
    "单": "shan", "單": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "区": "ou", "區": "ou", "盖": "ge", "任": "ren",
    "查": "zha", "乐": "yue", "樂": "yue", "翟": "zhai", "朴": "piao", "缪": "miao", "繆": "miao", "冼": "xian", "薄": "bo",
    "尉": "yu", "长": "chang", "召": "shao", "种": "chong", "重": "chong", "员": "yun", "黑": "he", "覃": "qin", "撒": "sa",
    "逄": "pang", "佴": "nai", "隗": "wei", "宓": "mi", "阚": "kan", "郗": "xi", "郇": "xun", "晟": "cheng", "秘": "bi",
    "娄": "lou", "卜": "bu", "繁": "po", "都": "du", "洗": "xian", "那": "na", "石": "shi", "万": "wan", "叶": "ye", "葉": "ye",
    "贾": "jia", "賈": "jia", "葛": "ge", "费": "fei", "臧": "zang", "车": "che", "宁": "ning", "沈": "shen", "俞": "yu",
}  # fmt: skip
