//! Members and officers: who is at home here, who was imported by proof, and who may submit.
//!
//! It knows nothing of what members do; an operator key grants entry and no authority.

use crate::clients;
use crate::refusal::{Reason, Stop, require};
use crate::side::Side;
use crate::working::{Execution, Working};
use comity_model::member::{Member, Officer};
use comity_model::seal::{Signature, Suites};
use comity_model::state::StatePath;
use comity_model::{ClientId, Height, MemberId, OfficerId, UnixSeconds, encode};
use comity_verify::Rule;

const NAMES_MAX: usize = 8;
const NAME_BYTES_MAX: usize = 256;
const OPERATORS_MAX: usize = 64;
const GATEWAY_BYTES_MAX: usize = 256;

/// A member whose home is this chain.
pub(crate) fn at_home(state: &Working<'_>, id: &MemberId) -> Result<Member, Stop> {
    state.read(&StatePath::Member(id.clone()), "a member")?.ok_or_else(|| Reason::UnknownMember.into())
}

/// A member whose home is this chain and whose keys may be used now.
pub(crate) fn valid_at_home(ex: &Execution<'_>, id: &MemberId) -> Result<Member, Stop> {
    let member = at_home(&ex.state, id)?;
    require(member.validity.covers(ex.now()), Reason::MemberNotValid)?;
    Ok(member)
}

/// A member of another chain, imported over `client`.
pub(crate) fn imported(ex: &Execution<'_>, client: &ClientId, id: &MemberId) -> Result<Member, Stop> {
    let path = StatePath::Foreign(client.clone(), id.clone());
    ex.state.read(&path, "an imported member")?.ok_or_else(|| Reason::RecipientUnknown.into())
}

/// An officer of a member at home here, if there is one of that number.
pub(crate) fn officer(ex: &Execution<'_>, member: &MemberId, id: &OfficerId) -> Result<Option<Officer>, Stop> {
    let path = StatePath::Officer(member.clone(), id.clone());
    Ok(ex.state.read(&path, "an officer")?)
}

/// Checks that `sender` is an operator of a member at home here whose keys may be used at `now`.
pub(crate) fn sender(state: &Working<'_>, sender: [u8; 32], now: UnixSeconds) -> Result<MemberId, Stop> {
    let id: MemberId = state.side(&Side::Operator(sender), "an operator's member")?.ok_or(Reason::UnknownSender)?;
    let member = at_home(state, &id)?;
    require(member.validity.covers(now), Reason::MemberNotValid)?;
    Ok(id)
}

/// Checks a member's seal; a suite that is not among the `accepted` ones is refused by name.
pub(crate) fn check_seal<T: borsh::BorshSerialize>(
    member: &Member,
    tag: &'static str,
    value: &T,
    seal: &Signature,
    accepted: Suites,
) -> Result<(), Stop> {
    comity_verify::seal::check(tag, value, &member.seal_key, seal, accepted).map_err(|refusal| match refusal.rule {
        Rule::Suite => refusal.into(),
        _ => Reason::WrongSeal.into(),
    })
}

/// Adds or changes a member whose home is this chain.
pub(crate) fn put(ex: &mut Execution<'_>, member: &Member) -> Result<(), Stop> {
    let path = StatePath::Member(member.id.clone());
    require(member.home == ex.config.chain && bounded(member), Reason::MemberMalformed)?;
    let before: Option<Member> = ex.state.read(&path, "a member")?;
    for key in before.iter().flat_map(|member| &member.operators) {
        ex.state.remove_side(&Side::Operator(*key));
    }
    for key in &member.operators {
        let row = Side::Operator(*key);
        let taken: Option<MemberId> = ex.state.side(&row, "an operator's member")?;
        require(taken.is_none(), Reason::OperatorTaken)?;
        ex.state.set_side(&row, &member.id);
    }
    ex.state.write(&path, member);
    Ok(())
}

/// Adds or changes an officer of a member at home here.
pub(crate) fn put_officer(ex: &mut Execution<'_>, officer: &Officer) -> Result<(), Stop> {
    at_home(&ex.state, &officer.member)?;
    let path = StatePath::Officer(officer.member.clone(), officer.id.clone());
    ex.state.write(&path, officer);
    Ok(())
}

/// Copies a member of another chain into this one, by proof.
pub(crate) fn import(
    ex: &mut Execution<'_>,
    client: &ClientId,
    member: &Member,
    proof: &[u8],
    height: Height,
) -> Result<(), Stop> {
    let (state, header) = clients::trusted(ex, client, height)?;
    require(member.home == state.chain && bounded(member), Reason::MemberMalformed)?;
    let home_path = StatePath::Member(member.id.clone());
    let proven =
        comity_verify::state::membership(&header, &home_path, &encode(member), proof)?.decode::<Member>("a member")?;
    // An older state, still provable, must not bring back a key that was revoked since.
    let row = Side::ForeignHeight(client.clone(), member.id.clone());
    let known: Option<Height> = ex.state.side(&row, "a height")?;
    require(known.is_none_or(|known| known <= height), Reason::MemberStale)?;
    ex.state.set_side(&row, &height);
    let path = StatePath::Foreign(client.clone(), member.id.clone());
    ex.state.write(&path, proven.value());
    Ok(())
}

fn bounded(member: &Member) -> bool {
    member.names.len() <= NAMES_MAX
        && member.names.iter().all(|name| name.len() <= NAME_BYTES_MAX)
        && member.operators.len() <= OPERATORS_MAX
        && member.gateway.len() <= GATEWAY_BYTES_MAX
}
