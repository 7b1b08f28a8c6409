//! Playbooks put into force.
