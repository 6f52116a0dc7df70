//! `adapter`: where a chain is reached through a program of its own instead of by the adapter within.
//! Refuses to know what such a program does.

use crate::failure::Failure;
use comity_adapters_plugin::Launch;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Most arguments of a program, and most bytes of one.
const ARGS_MAX: (usize, usize) = (64, 4_096);

/// `{ command = ["program", "argument"] }`, or `{ address = "unix:/path" }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    command: Option<Vec<String>>,
    address: Option<String>,
}

impl Raw {
    /// A program's relative path begins at `folder`; a bare name is looked for in PATH.
    pub(super) fn check(self, folder: &Path) -> Result<Launch, Failure> {
        match (self.command, self.address) {
            (Some(command), None) => {
                let long = command.iter().any(|argument| argument.len() > ARGS_MAX.1 || argument.contains('\0'));
                let Some((program, args)) = command.split_first().filter(|(_, args)| args.len() <= ARGS_MAX.0 && !long)
                else {
                    let what = "an adapter's command is a program and at most 64 arguments of 4,096 bytes";
                    return Err(Failure::usage(what));
                };
                let bare = !program.contains('/');
                let program = if bare { PathBuf::from(program) } else { folder.join(program) };
                Ok(Launch::Command { program, args: args.to_vec() })
            }
            (None, Some(address)) => {
                Launch::address(&address).map_err(|error| Failure::usage(error.to_string()).help(error.help()))
            }
            _ => Err(Failure::usage("an adapter has either a command or an address")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Launch, Failure> {
        toml::from_str::<Raw>(text).expect("TOML").check(Path::new("/etc/court"))
    }

    #[test]
    fn a_command_is_a_program_beside_the_file_or_one_in_path() {
        let launch = |program: &str, args: &[&str]| Launch::Command {
            program: program.into(),
            args: args.iter().map(|one| (*one).into()).collect(),
        };
        let beside = read(r#"command = ["adapters/go-comet", "--rpc", "http://127.0.0.1:1; rm"]"#).expect("a command");
        assert_eq!(beside, launch("/etc/court/adapters/go-comet", &["--rpc", "http://127.0.0.1:1; rm"]));
        assert_eq!(read(r#"command = ["go-comet"]"#).expect("a command"), launch("go-comet", &[]));
        assert_eq!(read(r#"command = ["/opt/go-comet"]"#).expect("a command"), launch("/opt/go-comet", &[]));
    }

    #[test]
    fn an_address_is_on_this_machine_and_an_adapter_is_one_of_both() {
        assert_eq!(read(r#"address = "unix:/run/a""#).expect("an address"), Launch::Socket("/run/a".into()));
        for wrong in
            [r#"address = "http://10.0.0.1:70""#, "command = []", "", "command = [\"a\"]\naddress = \"unix:/a\""]
        {
            assert_eq!(read(wrong).expect_err(wrong).code(), "USAGE");
        }
    }
}
