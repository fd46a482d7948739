"""Readings of the most frequent Japanese family and given names in kanji.

Sources: the ranking of family names (2018) and the yearly lists of given names by Meiji Yasuda Life.
"""

_NAMES = """
佐藤 sato 鈴木 suzuki 高橋 takahashi 田中 tanaka 伊藤 ito 渡辺 watanabe 渡邊 watanabe 渡邉 watanabe 渡部 watanabe,watabe 山本 yamamoto 中村 nakamura
小林 kobayashi 加藤 kato 吉田 yoshida 山田 yamada 佐々木 sasaki 山口 yamaguchi 松本 matsumoto 井上 inoue 木村 kimura 林 hayashi 斎藤 saito 斉藤 saito
齋藤 saito 齊藤 saito 清水 shimizu 山崎 yamazaki,yamasaki 森 mori 池田 ikeda 橋本 hashimoto 阿部 abe 石川 ishikawa 山下 yamashita 中島 nakajima,nakashima
石井 ishii 小川 ogawa 前田 maeda 岡田 okada 長谷川 hasegawa 藤田 fujita 後藤 goto 近藤 kondo 村上 murakami 遠藤 endo 青木 aoki 坂本 sakamoto 福田 fukuda
太田 ota 西村 nishimura 藤井 fujii 岡本 okamoto 金子 kaneko 藤原 fujiwara 三浦 miura 中野 nakano 中川 nakagawa 原田 harada 松田 matsuda 竹内 takeuchi
小野 ono 田村 tamura 中山 nakayama 和田 wada 石田 ishida 森田 morita 上田 ueda 原 hara 内田 uchida 柴田 shibata 酒井 sakai 宮崎 miyazaki 横山 yokoyama
高木 takagi 安藤 ando 宮本 miyamoto 大野 ono 小島 kojima 谷口 taniguchi 工藤 kudo 今井 imai 高田 takada 増田 masuda 丸山 maruyama 杉山 sugiyama
村田 murata 大塚 otsuka 新井 arai 小山 koyama,oyama 平野 hirano 藤本 fujimoto 河野 kono,kawano 上野 ueno 野口 noguchi 武田 takeda 松井 matsui 千葉 chiba
菊地 kikuchi 菊池 kikuchi 岩崎 iwasaki 桜井 sakurai 野村 nomura 木下 kinoshita 松尾 matsuo 佐野 sano 大西 onishi 杉本 sugimoto 新田 nitta 浜田 hamada
市川 ichikawa 古川 furukawa 水野 mizuno 小松 komatsu 島田 shimada 小池 koike 山内 yamauchi 西田 nishida 久保 kubo 五十嵐 igarashi 川崎 kawasaki
健一 kenichi 健 ken,takeshi 健太 kenta 健二 kenji 大輔 daisuke 誠 makoto 直樹 naoki 直人 naoto 拓真 takuma 拓也 takuya 達也 tatsuya 哲也 tetsuya 和也 kazuya
智也 tomoya 裕太 yuta 裕樹 yuki 英樹 hideki 秀樹 hideki 浩 hiroshi 博 hiroshi 浩二 koji 浩一 koichi 学 manabu 剛 tsuyoshi 翔 sho 翔太 shota 蓮 ren 大翔 hiroto
翼 tsubasa 淳 jun,atsushi 潤 jun 充 mitsuru 亮 ryo 亮太 ryota 涼平 ryohei 亮平 ryohei 修平 shuhei 翔平 shohei 康平 kohei 陽平 yohei 洋平 yohei 雄太 yuta
隆 takashi 隆史 takashi 孝 takashi 豊 yutaka 徹 toru 勇 isamu 進 susumu 茂 shigeru 実 minoru 清 kiyoshi 正 tadashi 弘 hiroshi 勝 masaru 稔 minoru 治 osamu
篤司 atsushi 敦 atsushi 敦志 atsushi 聡 satoshi 聡太郎 sotaro 太郎 taro 一郎 ichiro 次郎 jiro 三郎 saburo 零 rei 晃 akira 明 akira 彰 akira
裕美子 yumiko 由美子 yumiko 美加子 mikako 美香 mika 美穂 miho 真由美 mayumi 久美子 kumiko 恵子 keiko 京子 kyoko 洋子 yoko 陽子 yoko 裕子 yuko,hiroko 智子 tomoko
幸子 sachiko 和子 kazuko 明美 akemi 直美 naomi 香織 kaori 加奈 kana 加奈子 kanako 花子 hanako 桃子 momoko 七夏 nanaka 結衣 yui 舞 mai 愛 ai,megumi 彩 aya
さくら sakura 陽菜 hina 美咲 misaki 千代 chiyo 里佳 rika 治 osamu 知実 satomi,tomomi 里美 satomi 真綾 maaya 幹 miki 裕樹 hiroki 小百合 sayuri 百合子 yuriko
京助 kyosuke 亮介 ryosuke 涼介 ryosuke 京介 kyosuke 晃平 kohei 浩平 kohei 順子 junko 純子 junko 典子 noriko 春香 haruka 遥 haruka 晴香 haruka 美代子 miyoko
"""
_TABLE = _NAMES.split()
KANJI_READINGS: dict[str, tuple[str, ...]] = {
    name: tuple(readings.split(",")) for name, readings in zip(_TABLE[::2], _TABLE[1::2], strict=True)
}
"""Readings in Latin letters, by name in kanji."""
LONGEST_KANJI_NAME = max(map(len, KANJI_READINGS))
"""Characters of the longest name in the table."""
