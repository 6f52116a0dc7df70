//! Names of people, companies, firms and places that nobody bears on purpose: syllables put together by chance.

use super::draw::Draw;
use super::numbers::Sex;

/// A name in Chinese (or its own language) and in Latin letters.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) own: String,
    pub(super) latin: String,
}

/// A Chinese name: surname, then one or two characters.
pub(super) fn chinese(draw: &mut Draw, sex: Sex) -> Name {
    let given = match sex {
        Sex::Female => GIVEN_FEMALE,
        Sex::Male => GIVEN_MALE,
    };
    let (surname, surname_latin) = draw.pick(SURNAMES);
    let (first, first_latin) = draw.pick(given);
    let (second, second_latin) = match draw.pick(given) {
        (second, latin) if second != first && draw.chance(880) => (*second, *latin),
        _ => ("", ""),
    };
    Name {
        own: format!("{surname}{first}{second}"),
        latin: format!("{surname_latin} {}{second_latin}", capital(first_latin)),
    }
}

/// An English name.
pub(super) fn english(draw: &mut Draw, sex: Sex) -> Name {
    let first = match sex {
        Sex::Female => draw.pick(FIRST_FEMALE),
        Sex::Male => draw.pick(FIRST_MALE),
    };
    let name = format!("{first} {}", draw.pick(LAST));
    Name { own: name.clone(), latin: name }
}

/// A company of Anlan.
pub(super) fn company(draw: &mut Draw) -> Name {
    let (first, first_latin) = draw.pick(BRANDS);
    let (second, second_latin) = draw.pick(BRANDS);
    let (trade, trade_en) = draw.pick(TRADES);
    let (form, form_en) = draw.weighted(&[
        (82, ("有限公司", "Co., Ltd.")),
        (10, ("股份有限公司", "Corp.")),
        (8, ("合伙企业（有限合伙）", "LP")),
    ]);
    Name {
        own: format!("安澜{first}{second}{trade}{form}"),
        latin: format!("Anlan {}{second_latin} {trade_en} {form_en}", capital(first_latin)),
    }
}

/// A company from elsewhere.
pub(super) fn foreign_company(draw: &mut Draw) -> Name {
    let name = format!(
        "{} {} {}",
        draw.pick(LAST),
        draw.pick(&["Trading", "Marine", "Instruments", "Foods", "Logistics", "Textiles"]),
        draw.pick(&["Ltd.", "GmbH", "Inc.", "Pte. Ltd."])
    );
    Name { own: name.clone(), latin: name }
}

/// A law firm, by number: each its own.
pub(super) fn law_firm(number: usize) -> Name {
    let (first, first_latin) = BRANDS[number % BRANDS.len()];
    let (second, second_latin) = BRANDS[(number / BRANDS.len() * 7 + number * 3 + 1) % BRANDS.len()];
    Name {
        own: format!("浙江{first}{second}律师事务所"),
        latin: format!("Zhejiang {}{second_latin} Law Firm", capital(first_latin)),
    }
}

/// Two brand characters, for goods and inventions.
pub(super) fn brand(draw: &mut Draw) -> Name {
    let (first, first_latin) = draw.pick(BRANDS);
    let (second, second_latin) = draw.pick(BRANDS);
    Name { own: format!("{first}{second}"), latin: capital(&format!("{first_latin}{second_latin}")) }
}

/// A street of Anlan.
pub(super) fn street(draw: &mut Draw) -> &'static str {
    draw.pick::<&str>(STREETS)
}

/// A district of Anlan.
#[derive(Clone, Copy, Debug)]
pub(super) struct District {
    pub(super) name: &'static str,
    /// Six digits, as identity and unit numbers begin.
    pub(super) region: &'static str,
}

const fn district(name: &'static str, region: &'static str) -> District {
    District { name, region }
}

/// The districts, as the last two digits of their codes say.
pub(super) const DISTRICTS: &[District] = &[
    district("古埠区", "990101"),
    district("望湖区", "990102"),
    district("锦川区", "990103"),
    district("青榆区", "990104"),
    district("临渡县", "990105"),
    district("滨溪区", "990106"),
];

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + chars.as_str(),
        None => String::new(),
    }
}

type Pair = (&'static str, &'static str);

#[rustfmt::skip]
const SURNAMES: &[Pair] = &[
    ("王", "Wang"), ("李", "Li"), ("张", "Zhang"), ("刘", "Liu"), ("陈", "Chen"), ("杨", "Yang"), ("赵", "Zhao"),
    ("黄", "Huang"), ("周", "Zhou"), ("吴", "Wu"), ("徐", "Xu"), ("孙", "Sun"), ("胡", "Hu"), ("朱", "Zhu"),
    ("高", "Gao"), ("林", "Lin"), ("何", "He"), ("郭", "Guo"), ("马", "Ma"), ("罗", "Luo"), ("梁", "Liang"),
    ("宋", "Song"), ("郑", "Zheng"), ("谢", "Xie"), ("韩", "Han"), ("唐", "Tang"), ("冯", "Feng"), ("于", "Yu"),
    ("董", "Dong"), ("萧", "Xiao"), ("程", "Cheng"), ("曹", "Cao"), ("袁", "Yuan"), ("邓", "Deng"), ("许", "Xu"),
    ("傅", "Fu"), ("沈", "Shen"), ("曾", "Zeng"), ("彭", "Peng"), ("吕", "Lü"), ("苏", "Su"), ("卢", "Lu"),
    ("蒋", "Jiang"), ("蔡", "Cai"), ("贾", "Jia"), ("丁", "Ding"), ("魏", "Wei"), ("薛", "Xue"), ("叶", "Ye"),
    ("阎", "Yan"), ("余", "Yu"), ("潘", "Pan"), ("杜", "Du"), ("戴", "Dai"), ("夏", "Xia"), ("钟", "Zhong"),
    ("汪", "Wang"), ("田", "Tian"), ("任", "Ren"), ("姜", "Jiang"), ("欧阳", "Ouyang"), ("诸葛", "Zhuge"),
];

#[rustfmt::skip]
const GIVEN_FEMALE: &[Pair] = &[
    ("芷", "zhi"), ("涵", "han"), ("若", "ruo"), ("溪", "xi"), ("婉", "wan"), ("清", "qing"), ("诗", "shi"),
    ("语", "yu"), ("雅", "ya"), ("琳", "lin"), ("欣", "xin"), ("怡", "yi"), ("梦", "meng"), ("瑶", "yao"),
    ("思", "si"), ("颖", "ying"), ("佳", "jia"), ("宁", "ning"), ("静", "jing"), ("雪", "xue"), ("晴", "qing"),
    ("岚", "lan"), ("菲", "fei"), ("蕾", "lei"), ("韵", "yun"), ("霜", "shuang"), ("筠", "jun"), ("黛", "dai"),
    ("嘉", "jia"), ("月", "yue"), ("素", "su"), ("绮", "qi"), ("薇", "wei"), ("莹", "ying"), ("采", "cai"),
    ("沁", "qin"), ("棠", "tang"), ("栀", "zhi"), ("念", "nian"), ("苓", "ling"),
];

#[rustfmt::skip]
const GIVEN_MALE: &[Pair] = &[
    ("亦", "yi"), ("舟", "zhou"), ("柏", "bai"), ("年", "nian"), ("砚", "yan"), ("书", "shu"), ("承", "cheng"),
    ("泽", "ze"), ("景", "jing"), ("行", "xing"), ("文", "wen"), ("博", "bo"), ("浩", "hao"), ("然", "ran"),
    ("子", "zi"), ("轩", "xuan"), ("宇", "yu"), ("航", "hang"), ("俊", "jun"), ("杰", "jie"), ("立", "li"),
    ("诚", "cheng"), ("志", "zhi"), ("远", "yuan"), ("明", "ming"), ("哲", "zhe"), ("启", "qi"), ("川", "chuan"),
    ("峻", "jun"), ("岩", "yan"), ("松", "song"), ("涛", "tao"), ("毅", "yi"), ("凡", "fan"), ("维", "wei"),
    ("衡", "heng"), ("朗", "lang"), ("越", "yue"), ("嵩", "song"), ("禾", "he"),
];

#[rustfmt::skip]
const FIRST_FEMALE: &[&str] = &[
    "Eleanor", "Harriet", "Imogen", "Beatrice", "Clara", "Freya", "Matilda", "Rosalind", "Sylvia", "Winifred",
    "Adela", "Cordelia", "Edith", "Josephine", "Lydia", "Marianne", "Phoebe", "Theodora", "Verity", "Zelda",
];

#[rustfmt::skip]
const FIRST_MALE: &[&str] = &[
    "Alistair", "Barnaby", "Cedric", "Desmond", "Edmund", "Fergus", "Gideon", "Hugo", "Ivor", "Jasper",
    "Lionel", "Magnus", "Nigel", "Oswald", "Percival", "Quentin", "Rupert", "Silas", "Tobias", "Wilfred",
];

#[rustfmt::skip]
const LAST: &[&str] = &[
    "Whitcombe", "Ashdown", "Bellweather", "Carmody", "Dunmore", "Ellingham", "Fairclough", "Greaves", "Hollis",
    "Inskip", "Kettering", "Lockhart", "Merriweather", "Norbury", "Oakhurst", "Pemberton", "Quill", "Ravensworth",
    "Stanhope", "Thackeray", "Underhill", "Vance", "Wexford", "Yardley", "Lindqvist", "Okonjo", "Hartmann",
    "Moreau", "Castellanos", "Tanaka",
];

#[rustfmt::skip]
const BRANDS: &[Pair] = &[
    ("青", "qing"), ("禾", "he"), ("远", "yuan"), ("澄", "cheng"), ("瑞", "rui"), ("辰", "chen"), ("和", "he"),
    ("恒", "heng"), ("拓", "tuo"), ("启", "qi"), ("云", "yun"), ("海", "hai"), ("岳", "yue"), ("新", "xin"),
    ("博", "bo"), ("诺", "nuo"), ("盛", "sheng"), ("达", "da"), ("聚", "ju"), ("源", "yuan"), ("正", "zheng"),
    ("德", "de"), ("思", "si"), ("铭", "ming"), ("蓝", "lan"), ("桥", "qiao"), ("石", "shi"), ("川", "chuan"),
    ("松", "song"), ("泰", "tai"), ("宏", "hong"),
];

#[rustfmt::skip]
const TRADES: &[Pair] = &[
    ("纺织", "Textile"), ("建设工程", "Construction"), ("电子科技", "Electronics"), ("食品", "Foods"),
    ("物流", "Logistics"), ("医疗器械", "Medical Devices"), ("软件", "Software"), ("置业", "Property"),
    ("贸易", "Trading"), ("机械制造", "Machinery"), ("新材料", "Materials"), ("环境", "Environmental"),
    ("汽车零部件", "Auto Parts"), ("文化传媒", "Media"), ("农业", "Agriculture"), ("酒店管理", "Hospitality"),
    ("小额贷款", "Microcredit"), ("融资租赁", "Leasing"), ("能源", "Energy"), ("包装", "Packaging"),
];

#[rustfmt::skip]
const STREETS: &[&str] = &[
    "听涛路", "荷塘街", "银杏大道", "望江路", "石桥巷", "文峰路", "锦绣街", "青石路", "丹桂路", "渡口街",
    "学院路", "创业大道", "春晓路", "芦花街", "云帆路", "书院巷", "竹园路", "观澜街", "晨光路", "柳堤路",
];
