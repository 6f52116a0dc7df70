#![allow(clippy::unwrap_used)]
use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_attack_of_the_demonstration_parses() {
    for what in ["header", "commit", "proof", "record", "packet", "ack"] {
        let cli = Cli::try_parse_from(["comity", "demo", "--tamper", what]).unwrap();
        assert!(matches!(cli.command, Command::Demo(args) if args.tamper.is_some()), "{what}");
    }
    assert!(Cli::try_parse_from(["comity", "demo", "--tamper", "weather"]).is_err());
}

#[test]
fn verify_without_an_anchor_is_a_mistake() {
    assert!(Cli::try_parse_from(["comity", "verify", "a.comity"]).is_err());
    assert!(Cli::try_parse_from(["comity", "verify", "a.comity", "--anchor", "b.anchor"]).is_ok());
}

#[test]
fn a_purpose_is_given_whole_or_not_at_all() {
    let asked = |rest: &[&str]| Cli::try_parse_from([&["comity", "query", "--as", "c.toml", "x"], rest].concat());
    assert!(asked(&[]).is_ok());
    assert!(asked(&["--case", "1"]).is_err());
    assert!(asked(&["--case", "1", "--basis", "2"]).is_err());
    assert!(asked(&["--case", "1", "--basis", "2", "--purpose", "3"]).is_ok());
}

#[test]
fn a_member_id_of_another_form_is_refused_with_its_form() {
    let error = Cli::try_parse_from(["comity", "init", "--institution", "Court!", "--kind", "court", "--dir", "d"])
        .unwrap_err()
        .to_string();
    assert!(error.contains("lower-case"), "{error}");
}

#[test]
fn every_command_has_help_that_says_what_it_is_for() {
    for command in Cli::command().get_subcommands() {
        assert!(command.get_about().is_some(), "{}", command.get_name());
    }
}
