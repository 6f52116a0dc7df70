//! The page as HTML: its words put in, in the visitor's language, and, for who has no JavaScript, what the server says about a
//! lookup. It says that this is the server's word: nobody has verified it in the visitor's place.

use super::assets::{TEMPLATE, WORDS};
use super::lookup::{Answer, Question};
use crate::deposits::AsOf;
use crate::error::ApiError;
use comity_model::UnixSeconds;
use http::{HeaderMap, header};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the server's answer stands in the template.
const SLOT: &str = "{{!answer}}";

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Chinese,
    English,
}

impl Language {
    /// As asked for in the query, or as the browser prefers.
    pub(super) fn of(asked: Option<&str>, headers: &HeaderMap) -> Self {
        match asked {
            Some("zh") => return Self::Chinese,
            Some("en") => return Self::English,
            _ => {}
        }
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let first = accepted.split(',').map(str::trim).find(|tag| tag.starts_with("zh") || tag.starts_with("en"));
        if first.is_some_and(|tag| tag.starts_with("zh")) { Self::Chinese } else { Self::English }
    }

    const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }
}

#[derive(Deserialize)]
struct Word {
    en: String,
    zh: String,
}

/// The page, ready but for the answer.
pub(super) struct Pages {
    words: BTreeMap<String, Word>,
    chinese: (String, String),
    english: (String, String),
}

impl Pages {
    /// Puts it together. `keeper`: whose log it is.
    pub(super) fn new(keeper: &str) -> Result<Self, serde_json::Error> {
        let words: BTreeMap<String, Word> = serde_json::from_str(WORDS)?;
        let render = |language: Language| {
            let mut text = TEMPLATE.replace("{{!lang}}", language.tag()).replace("{{!keeper}}", &escaped(keeper));
            for (key, word) in &words {
                text = text.replace(&format!("{{{{{key}}}}}"), &escaped(in_language(word, language)));
            }
            let (before, after) = text.split_once(SLOT).unwrap_or((&text, ""));
            (before.to_owned(), after.to_owned())
        };
        Ok(Self { chinese: render(Language::Chinese), english: render(Language::English), words })
    }

    /// The page with an answer, or none, in its slot.
    pub(super) fn html(&self, language: Language, answer: &str) -> String {
        let (before, after) = match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        };
        format!("{before}{answer}{after}")
    }

    /// For a deep link: where who has no JavaScript finds the server's answer.
    pub(super) fn link(&self, language: Language, digest: &str) -> String {
        format!(
            "<noscript><p><a href=\"/n?q={}\">{}</a></p></noscript>",
            escaped(digest),
            self.say(language, "server_link", &[])
        )
    }

    /// What the server says.
    pub(super) fn answer(
        &self,
        language: Language,
        question: Option<Question>,
        answer: &Result<Answer, ApiError>,
    ) -> String {
        let say = |key: &str, values: &[(&str, String)]| self.say(language, key, values);
        let mut lines = Vec::new();
        let mut as_of: Option<&AsOf> = None;
        let time = |since: Option<UnixSeconds>| since.map(|since| since.to_string());
        match answer {
            Ok(Answer::Found { seen, as_of: then, .. }) => {
                as_of = then.as_ref();
                for one in seen.iter().rev() {
                    let number = ("number", one.number.to_string());
                    lines.push(match time(one.since) {
                        Some(since) => say("server_found", &[number, ("time", since)]),
                        None => say("server_pending", &[number]),
                    });
                }
            }
            Ok(Answer::Entry { seen, entry, as_of: then, .. }) => {
                as_of = then.as_ref();
                let (number, since) = (seen.number.to_string(), time(seen.since).unwrap_or_default());
                lines.push(say("server_entry", &[("number", number), ("time", since), ("entry", entry.to_string())]));
                lines.push(say("server_entry_file", &[]));
            }
            Ok(Answer::NotFound { as_of: then, .. }) => {
                as_of = then.as_ref();
                lines.push(say("server_not_found", &[]));
            }
            Ok(Answer::Transaction { taken, as_of: then, .. }) => {
                as_of = then.as_ref();
                let (first, last) = (taken.first, taken.checkpoint.size.saturating_sub(1));
                lines.push(say(
                    "server_transaction",
                    &[
                        ("height", taken.height.0.to_string()),
                        ("time", taken.checkpoint.time.to_string()),
                        ("first", first.to_string()),
                        ("last", last.to_string()),
                        ("size", taken.checkpoint.size.to_string()),
                    ],
                ));
            }
            Ok(Answer::NoTransaction { as_of: then, .. }) => {
                as_of = then.as_ref();
                lines.push(say("server_not_found", &[]));
            }
            Ok(Answer::NoEntry { number, as_of: then }) => {
                as_of = then.as_ref();
                lines.push(say("server_no_entry", &[("number", number.to_string())]));
            }
            Ok(Answer::Pending { number, as_of: then }) => {
                as_of = then.as_ref();
                lines.push(say("server_pending", &[("number", number.to_string())]));
            }
            Err(error) => {
                lines.push(say("server_error", &[("reason", error.reason().as_str().to_owned())]));
                lines.push(escaped(error.message()));
            }
        }
        if let Some(as_of) = as_of {
            let values = [("size", as_of.size.to_string()), ("time", as_of.time.to_string())];
            lines.push(say("server_as_of", &values));
        }
        let shown = match question {
            Some(Question::Digest(digest) | Question::Transaction(digest)) => digest.to_string(),
            Some(Question::Number(number)) => number.to_string(),
            None => String::new(),
        };
        let mut html = format!(
            "<section id=\"server\" class=\"card\" aria-labelledby=\"server-title\" data-question=\"{shown}\">\
             <h2 id=\"server-title\">{}</h2>",
            say("server_title", &[])
        );
        for line in lines {
            // Writing to a string does not fail.
            let _ = write!(html, "<p class=\"wrap\">{line}</p>");
        }
        let _ = write!(html, "<p class=\"note\">{}</p></section>", say("server_unverified", &[]));
        html
    }

    /// A sentence as HTML, its places filled.
    fn say(&self, language: Language, key: &str, values: &[(&str, String)]) -> String {
        let mut text =
            self.words.get(key).map_or_else(|| key.to_owned(), |word| in_language(word, language).to_owned());
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        escaped(&text)
    }
}

fn in_language(word: &Word, language: Language) -> &str {
    match language {
        Language::Chinese => &word.zh,
        Language::English => &word.en,
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::Reason;

    #[test]
    fn every_word_that_the_page_names_is_there_in_both_languages_and_none_is_left_over() {
        let pages = Pages::new("court").unwrap();
        for language in [Language::Chinese, Language::English] {
            let html = pages.html(language, "");
            assert!(
                !html.contains("{{"),
                "{:?}",
                html.split_once("{{").map(|(_, rest)| rest.chars().take(40).collect::<String>())
            );
        }
        let scripts = [
            include_str!("../../../web/page/page.js"),
            include_str!("../../../web/page/near.js"),
            include_str!("../../../web/page/show.js"),
            include_str!("page.rs"),
        ];
        for (key, word) in &pages.words {
            assert!(!word.en.is_empty() && !word.zh.is_empty(), "{key}");
            assert!(!word.zh.is_ascii(), "{key} is not in Chinese");
            let named = TEMPLATE.contains(key.as_str()) || scripts.iter().any(|script| script.contains(key.as_str()));
            assert!(named, "{key} is said nowhere");
            let places = |text: &str| {
                let mut places: Vec<String> =
                    text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect();
                places.sort();
                places
            };
            assert_eq!(places(&word.en), places(&word.zh), "{key} has other places in Chinese");
        }
    }

    #[test]
    fn what_a_visitor_typed_is_text_and_never_markup() {
        let pages = Pages::new("<b>").unwrap();
        let error = ApiError::new(Reason::InvalidArgument, "<script>alert(1)</script>");
        let html = pages.html(Language::English, &pages.answer(Language::English, None, &Err(error)));
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>alert") && !html.contains("<b>"));
    }

    #[test]
    fn the_language_is_the_one_asked_for_or_the_browsers_first() {
        let accepting = |value: &str| HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value.parse().unwrap())]);
        assert_eq!(Language::of(None, &accepting("fr, zh-CN;q=0.9, en;q=0.8")), Language::Chinese);
        assert_eq!(Language::of(None, &accepting("en-GB, zh")), Language::English);
        assert_eq!(Language::of(Some("zh"), &accepting("en")), Language::Chinese);
        assert_eq!(Language::of(Some("xx"), &HeaderMap::new()), Language::English);
    }
}
