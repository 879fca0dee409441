//! What happens in the demo, in order.

use super::Narrator;
use crate::cli::{CliError, has_command};

/// The daemon, once.
pub const TICK: &str = "countersign run --settings daemon/settings.yaml --once";
const PAGE: &str = "git fetch -q && git show origin/countersign/journal:environments/acme-prod";

/// Tells the story; an error where it does not come out as told.
pub fn tell(told: &Narrator<'_>) -> Result<(), CliError> {
    told.say("Victor runs acme-prod for his customer. The policy: Carla, the customer, countersigns every change.")?;
    told.say("The commands below are run as they stand, with real git, real keys and the real daemon.")?;

    told.step("1. Victor pushes a new environment: one folder of files, and where it goes.")?;
    told.run("victor", "git add -A && git commit -q -m 'acme-prod: a greeting' && git push -q")?;

    told.step("2. The daemon plans it, publishes the plan on the branch countersign/journal, and waits.")?;
    let waits = told.run("", &format!("{TICK} --start-journal"))?;
    told.show(&waits)?;
    expect(waits.starts_with("acme-prod AwaitingApproval"), "the daemon did not wait for an approval")?;

    told.step("3. Carla reads the plan in her clone: what would change, and nothing else.")?;
    let plan = told.run("carla", &format!("{PAGE}/plan.diff"))?;
    told.show(&plan)?;

    told.step("4. She approves exactly this plan: a signed merge of a branch that the daemon made for it.")?;
    told.run("carla", &told.stage.merge_command("approve")?)?;

    told.step("5. The daemon checks who merged what, puts the proof on the journal, and applies the plan.")?;
    let applied = told.run("", TICK)?;
    told.show(&applied)?;
    let greeting = told.run("", "cat srv/acme-prod/greeting.txt")?;
    told.show(&greeting)?;
    expect(applied.starts_with("acme-prod Synced 1"), "the daemon did not apply the plan")?;
    expect(greeting == "Welcome, Acme\n", "something else was applied")?;

    told.step("6. Victor pushes another change, and tries to approve it himself.")?;
    let change = "echo 'Welcome back, Acme' > environments/acme-prod/config/greeting.txt";
    told.run("victor", &format!("git pull -q --ff-only && {change} && git commit -qam 'Greet again' && git push -q"))?;
    told.run("", TICK)?;
    told.run("victor", &told.stage.merge_command("approve")?)?;
    let waits = told.run("", TICK)?;
    told.show(&waits)?;
    let why = told.run("victor", &format!("{PAGE}/README.md | grep 'not count'"))?;
    told.show(&why)?;
    expect(waits.starts_with("acme-prod AwaitingApproval"), "the vendor's own approval was taken for enough")?;
    expect(told.stage.applied()? == "Welcome, Acme\n", "the vendor's own change was applied")?;

    if has_command("verify") {
        told.step("7. Anybody can prove all of it again from a clone alone, without the daemon.")?;
        let proof =
            told.run("carla", &format!("git pull -q --ff-only && countersign verify --root {}", told.stage.policy))?;
        told.show(&proof)?;
    }
    Ok(())
}

fn expect(is_so: bool, otherwise: &str) -> Result<(), CliError> {
    if is_so { Ok(()) } else { Err(CliError::refused(format!("this is not how the demo should go: {otherwise}"))) }
}
