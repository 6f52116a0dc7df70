//! Proof that a caller may do something: only the policy makes it, handlers take it, so that an unchecked call does not
//! compile. It refuses to know how a decision is made.

use crate::identity::Caller;
use comity_model::Sector;
use std::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}
pub(super) use sealed::Sealed;

/// Something that callers ask to do.
pub trait Action: Sealed {
    /// Its name in policies.
    const NAME: &'static str;
    /// What it is done to: `()` for the gateway as a whole, a [`Sector`] for its records.
    type Resource;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident on $resource:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}
            impl Sealed for $name {}
            impl Action for $name {
                const NAME: &'static str = stringify!($name);
                type Resource = $resource;
            }
        )*

        /// Every action, for tests that policies know them all.
        #[cfg(test)]
        pub(super) const ACTIONS: &[&str] = &[$(stringify!($name)),*];
    };
}

actions! {
    /// Reads records of a sector.
    ReadRecord on Sector;
    /// Puts the institution's own records of a sector.
    PutRecords on Sector;
    /// Registers the institution's own assets of a sector.
    RegisterAssets on Sector;
    /// Investigates what the alliance keeps of persons.
    Investigate on ();
    /// Looks persons up in the institution's index of a sector.
    SearchRecords on Sector;
    /// Verifies credentials of a sector.
    VerifyCredential on Sector;
    /// Draws up an order in a sector.
    DrawUpOrder on Sector;
    /// Hands in officers' approvals.
    ApproveOrder on ();
    /// Takes an order back.
    WithdrawOrder on ();
    /// Reads this court's orders.
    ReadOrder on ();
    /// Reads what institutions answer to them: personal data.
    ReadAnswer on ();
    /// Reads the orders that arrived here and wait to be decided.
    ReadReceivedOrder on ();
    /// Opens the private parts of orders that arrived here: personal data.
    OpenPrivatePart on ();
    /// Decides orders that arrived here.
    DecideOrder on ();
    /// Objects to orders that were carried out here.
    ObjectToOrder on ();
    /// Draws up agreements.
    DrawUpAgreement on ();
    /// Hands in officers' approvals of deeds about agreements.
    ApproveDeed on ();
    /// Reads this court's agreements, without their parties.
    ReadAgreement on ();
    /// Reads who is party to them: personal data.
    ReadParties on ();
    /// Reads the rules, what they fired, and what that proposes.
    ReadTriggers on ();
    /// Reads what the institution holds of others' records.
    ReadHoldings on ();
    /// Ends holdings.
    EndHolding on ();
    /// Reads who holds the institution's records, and what was delivered.
    ReadDeliveries on ();
    /// Stops what a rule proposes, within its hold period.
    StopProposal on ();
    /// Makes deposits.
    MakeDeposit on ();
    /// Looks deposits up by digest, and has them proven.
    LookUpDeposit on ();
    /// Reads what depositors state: personal data.
    ReadDeposit on ();
    /// Erases what a deposit commits to.
    EraseDeposit on ();
    /// Reads the audit trail: who had access to personal data, and why.
    ReadTrail on ();
    /// Reads the directory of institutions.
    ReadMembers on ();
    /// Reads how chains stand.
    ReadChains on ();
    /// Exchanges records and private parts, gateway to gateway.
    Exchange on ();
}

/// The policy's leave for one caller and one action.
#[derive(Debug)]
pub struct Permit<A: Action> {
    caller: Caller,
    action: PhantomData<A>,
}

impl<A: Action> Permit<A> {
    pub(super) const fn new(caller: Caller) -> Self {
        Self { caller, action: PhantomData }
    }

    /// Who was permitted.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }
}
