//! Approving, rejecting and taking back, by merge and by signed record.

use countersign::lifecycle::Phase;

use crate::world::World;

#[test]
fn an_approval_by_merge_applies_exactly_what_was_shown() {
    World::new()
        .environment("mallory", "prod", "v1\n")
        .push("mallory")
        .tick()
        .expect_exit(0)
        .expect_waiting_on("prod", "standard/platform")
        .expect_not_applied("prod")
        .approve_by_merge("alice", "prod")
        .tick()
        .expect_phase("prod", Phase::Synced)
        .expect_applied("prod", "v1\n")
        .expect_no_alarm()
        .finish();
}
