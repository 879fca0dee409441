//! Daemons that run once and remember nothing: what needs patience is measured by the journal's time, not by theirs.

use super::baton::{Call, Order, Point};
use super::content::{Content, Gates, Setting};
use super::process::JOURNAL;
use super::world::World;

const ENVIRONMENT: &str = "acme-prod";
const DAEMON: &str = "north";

fn ready_branches(world: &World) -> usize {
    let references = world.surroundings.server.references();
    references.keys().filter(|name| name.starts_with("refs/heads/countersign/approve/")).count()
}

/// A daemon that starts, settles and ends.
fn once(world: &mut World) {
    let folder = world.processes[0].folder.clone();
    world.start(DAEMON, folder, None);
    world.run(0).unwrap_or_else(|why| panic!("{why}"));
    world.processes[0].kill();
}

#[test]
fn lost_ready_made_commits_are_replaced() {
    let content = Content::Present(Setting::plain(Gates::Default));
    let mut world = World::new(&[(ENVIRONMENT, content)]);
    let folder = world.folder();
    world.start(DAEMON, folder, None);
    let published = |world: &World| world.book.environments[ENVIRONMENT].current().is_some_and(|p| !p.ready.is_empty());
    // The entry is on the journal, the branches are about to be pushed: there it is killed, and its folder is lost.
    while !(published(&world) && world.processes[0].point() == Point::Before(Call::Push)) {
        world.order(0, Order::Go(0)).unwrap_or_else(|why| panic!("{why}"));
    }
    world.processes[0].kill();
    assert_eq!(ready_branches(&world), 0);
    world.processes[0].folder = world.folder();
    once(&mut world);
    let tip = world.surroundings.server.get(JOURNAL);
    once(&mut world);
    assert_eq!((ready_branches(&world), world.surroundings.server.get(JOURNAL)), (0, tip), "they may be on their way");
    world.pass(61);
    once(&mut world);
    assert_eq!(ready_branches(&world), 1);
    world.quiet(true).unwrap_or_else(|why| panic!("{why}"));
}
