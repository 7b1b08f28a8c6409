//! Stand-ins, so that the core compiles: whoever lands `Rota::on_call`, `Calendar::next_change` or
//! `Policy::from_documents` deletes the stand-in of the same name here (and this file with the last one).

use super::calendar::Calendar;
use super::id::{PersonId, RoleId};
use super::policy::{Document, Policy};
use super::problem::Problem;
use super::rota::Rota;
use super::time::Timestamp;

impl Rota {
    /// Who is on call.
    pub fn on_call(&self, _role: &RoleId, _at: Timestamp) -> Vec<PersonId> {
        Vec::new()
    }
}
impl Calendar {
    /// The next change of hours.
    pub fn next_change(&self, _after: Timestamp) -> Option<Timestamp> {
        None
    }
}
impl Policy {
    /// From documents.
    pub fn from_documents(_documents: &[Document]) -> Result<Policy, Vec<Problem>> {
        Err(Vec::new())
    }
}
