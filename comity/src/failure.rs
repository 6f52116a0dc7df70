//! What a command says when it cannot do what it was asked: what happened, what to do about it, and the exit code.
//! Refuses to know any command; never shows key material or personal data.

use std::error::Error;
use std::fmt;

/// How a command ended, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and everything that had to be proven was proven.
    Done = 0,
    /// Refused: a proof did not hold, or the other side said no. Asking again does not help.
    Refused = 1,
    /// The command or the configuration is wrong.
    Usage = 2,
    /// Something that is needed does not answer. Asking again later can help.
    Unavailable = 3,
    /// A fault on this side: a disk, a damaged file, a bug.
    Fault = 4,
}

/// The documented exit codes, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done; what had to be proven was proven
  1  refused: a proof does not hold, or the other side said no
  2  the command or the configuration is wrong
  3  something that is needed does not answer; try again later
  4  a fault on this side: disk, damaged file";

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    code: String,
    what: String,
    help: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A proof does not hold, or the other side said no; `code` is the rule or reason.
    pub(crate) fn refused(code: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Exit::Refused, code, what)
    }

    /// The command or the configuration is wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "USAGE", what)
    }

    /// Something does not answer.
    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::new(Exit::Unavailable, "UNAVAILABLE", what)
    }

    /// A fault on this side.
    pub(crate) fn fault(what: impl Into<String>) -> Self {
        Self::new(Exit::Fault, "FAULT", what)
    }

    fn new(exit: Exit, code: impl Into<String>, what: impl Into<String>) -> Self {
        Self { exit, code: code.into(), what: what.into(), help: None, source: None }
    }

    /// Names it by a code of its own.
    #[must_use]
    pub(crate) fn code_of(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Keeps what caused it.
    #[must_use]
    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The rule or reason code.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl miette::Diagnostic for Failure {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}

/// Turns any error into a [`Failure`] with a sentence of what was being done.
pub(crate) trait OrFail<T> {
    /// A fault on this side.
    fn or_fault(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
    /// Wrong use or configuration.
    fn or_usage(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
    /// No answer.
    fn or_unavailable(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> OrFail<T> for Result<T, E> {
    fn or_fault(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::fault(what()).because(error))
    }

    fn or_usage(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::usage(what()).because(error))
    }

    fn or_unavailable(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::unavailable(what()).because(error))
    }
}
