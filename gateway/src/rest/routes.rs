//! Which method a verb and a path mean, and what the path binds: `google.api.http` rules, matched.
//! It refuses to know bodies and answers. Paths are matched segment by segment before they are percent-decoded, so that
//! an encoded slash or colon is part of a name, never of the form.

use super::RestError;
use http::Method;
use percent_encoding::percent_decode_str;
use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MethodDescriptor};

/// Segments that a path may have: more than any rule has, so that matching is bounded whatever comes.
const SEGMENTS_MAX: usize = 64;

/// Every method that has an HTTP rule.
pub(super) struct Routes(Vec<Route>);

/// A method and how it is reached.
pub(super) struct Route {
    pub(super) method: MethodDescriptor,
    pub(super) verb: Method,
    pub(super) pattern: Pattern,
    /// Whether the request is the body.
    pub(super) body: bool,
}

/// A path's form: `/v1/{name=orders/*}:approve`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) segments: Vec<Segment>,
    pub(super) bound: Option<Bound>,
    /// What stands after the last colon.
    pub(super) verb: Option<String>,
}

/// The field that a path binds, with which of its segments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) field: String,
    pub(super) first: usize,
    /// One more than the last.
    pub(super) end: usize,
}

/// A segment of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// This text.
    Literal(String),
    /// One segment: `*`.
    One,
    /// All that is left, at least one: `**`.
    Rest,
}

/// What a path and a verb mean.
pub(super) struct Match<'a> {
    pub(super) route: &'a Route,
    /// The field that the path binds, with its value.
    pub(super) bound: Option<(&'a str, String)>,
}

impl Routes {
    /// The routes of all methods of `pool` that have a rule.
    pub(super) fn of(pool: &DescriptorPool) -> Result<Self, RestError> {
        let extension = pool.get_extension_by_name("google.api.http");
        let extension = extension.ok_or_else(|| RestError::Rule {
            method: "google.api.http".to_owned(),
            problem: "the extension is not among the descriptors".to_owned(),
        })?;
        let mut routes = Vec::new();
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            routes.extend(route(&method, &extension)?);
        }
        // A verb after the colon is tried before forms that would take it for a part of a name.
        routes.sort_by_key(|route| route.pattern.verb.is_none());
        Ok(Self(routes))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// What `verb` on `path` means, if anything. There are some dozens of routes: they are tried one by one.
    pub(super) fn find(&self, verb: &Method, path: &str) -> Option<Match<'_>> {
        self.0.iter().filter(|route| route.verb == *verb).find_map(|route| {
            let bound = route.pattern.matches(path)?;
            let field = route.pattern.bound.as_ref().map(|bound| bound.field.as_str());
            Some(Match { route, bound: field.zip(Some(bound)) })
        })
    }
}

fn route(method: &MethodDescriptor, extension: &ExtensionDescriptor) -> Result<Option<Route>, RestError> {
    let refused =
        |problem: &str| RestError::Rule { method: method.full_name().to_owned(), problem: problem.to_owned() };
    let options = method.options();
    if !options.has_extension(extension) {
        return Ok(None);
    }
    let value = options.get_extension(extension);
    let rule = value.as_message().ok_or_else(|| refused("it is no message"))?;
    let text = |name: &str| text(rule, name);
    let verbs = [("get", Method::GET), ("put", Method::PUT), ("post", Method::POST)];
    let others = [("delete", Method::DELETE), ("patch", Method::PATCH)];
    let found = verbs.into_iter().chain(others).find_map(|(field, verb)| Some((text(field)?, verb)));
    let (form, verb) = found.ok_or_else(|| refused("it has no path"))?;
    let pattern = Pattern::parse(&form).ok_or_else(|| refused("its path is not of a form that is served"))?;
    if let Some(bound) = &pattern.bound {
        let field = method.input().get_field_by_name(&bound.field);
        if field.is_none_or(|field| field.kind() != Kind::String || field.is_list()) {
            return Err(refused("its path binds a field that is no string of the request"));
        }
    }
    let body = match text("body").as_deref() {
        None => false,
        Some("*") => true,
        Some(_) => return Err(refused("its body must be \"*\" or none")),
    };
    if method.is_client_streaming() {
        return Err(refused("a stream of requests has no REST form"));
    }
    Ok(Some(Route { method: method.clone(), verb, pattern, body }))
}

fn text(rule: &DynamicMessage, field: &str) -> Option<String> {
    let value = rule.get_field_by_name(field)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Pattern {
    /// Reads a form; `None` if it is none that is served.
    pub(super) fn parse(form: &str) -> Option<Self> {
        let form = form.strip_prefix('/')?;
        let (form, verb) = match form.rsplit_once(':') {
            Some((form, verb)) if !verb.contains(['/', '}']) => (form, Some(verb.to_owned())),
            _ => (form, None),
        };
        let mut pattern = Self { segments: Vec::new(), bound: None, verb };
        let literal = match form.split_once('{') {
            Some((before, bound)) => {
                let (bound, after) = bound.split_once('}')?;
                let (field, form) = bound.split_once('=').unwrap_or((bound, "*"));
                pattern.push(before.strip_suffix('/')?)?;
                let first = pattern.segments.len();
                pattern.push(form)?;
                pattern.bound = Some(Bound { field: field.to_owned(), first, end: pattern.segments.len() });
                after.strip_prefix('/').or_else(|| after.is_empty().then_some(""))?
            }
            None => form,
        };
        if !literal.is_empty() {
            pattern.push(literal)?;
        }
        Some(pattern)
    }

    fn push(&mut self, form: &str) -> Option<()> {
        for segment in form.split('/') {
            // Nothing can follow what takes all that is left.
            if segment.is_empty() || segment.contains(['{', '}']) || self.segments.last() == Some(&Segment::Rest) {
                return None;
            }
            self.segments.push(match segment {
                "*" => Segment::One,
                "**" => Segment::Rest,
                literal => Segment::Literal(literal.to_owned()),
            });
        }
        Some(())
    }

    /// What `path` binds; `Some("")` where nothing is bound, `None` if the path is not of this form.
    pub(super) fn matches(&self, path: &str) -> Option<String> {
        let path = path.strip_prefix('/')?;
        let path = match &self.verb {
            Some(verb) => path.strip_suffix(verb.as_str())?.strip_suffix(':')?,
            None => path,
        };
        let parts: Vec<&str> = path.split('/').take(SEGMENTS_MAX + 1).collect();
        let rest = self.segments.last() == Some(&Segment::Rest);
        let fits = if rest { parts.len() >= self.segments.len() } else { parts.len() == self.segments.len() };
        if !fits || parts.len() > SEGMENTS_MAX {
            return None;
        }
        for (segment, part) in self.segments.iter().zip(&parts) {
            match segment {
                Segment::Literal(text) if text == part => {}
                Segment::One | Segment::Rest if !part.is_empty() => {}
                _ => return None,
            }
        }
        let Some(Bound { first, end, .. }) = self.bound.as_ref() else { return Some(String::new()) };
        let end = if rest { parts.len() } else { *end };
        let mut value = String::new();
        for (index, part) in parts.get(*first..end)?.iter().enumerate() {
            let part = percent_decode_str(part).decode_utf8().ok()?;
            // An encoded slash may stand in what takes all that is left, where slashes are part of the name.
            let whole = self.segments.get(first + index).is_none_or(|segment| *segment == Segment::Rest);
            if part.contains('/') && !whole {
                return None;
            }
            if index > 0 {
                value.push('/');
            }
            value.push_str(&part);
        }
        Some(value)
    }
}
