//! Readers and the exchange.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

#[test]
fn a_reader_sees_the_old_content_or_the_new_and_never_a_mixture_or_nothing() {
    const ROUNDS: usize = 60;
    let side = |text: &'static [u8]| [("a", text), ("b", text)];
    let (one, two) = (side(b"one"), side(b"two"));
    let host = Host::new().with(&one);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut whole, mut last) = (0, false);
            // Once more after the writer is done, so that at least one whole look is certain.
            while !last {
                last = done.load(Ordering::SeqCst);
                let name = std::ffi::CString::new("acme").unwrap();
                let granted = fs::File::open(&host.granted).unwrap().into();
                let folder = folder::enter(&granted, &name).expect("the target is always there");
                let read = |name: &str| {
                    let name = std::ffi::CString::new(name).unwrap();
                    let file = fs::File::from(folder::read(&folder, &name).ok()?);
                    std::io::read_to_string(file).ok()
                };
                // A folder that was exchanged and removed in between has no files any more.
                if let (Some(a), Some(b)) = (read("a"), read("b")) {
                    assert!(a == b && (a == "one" || a == "two"), "a mixture: {a} and {b}");
                    whole += 1;
                }
            }
            whole
        });
        for round in 0..ROUNDS {
            let (base, desired) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
            host.apply(&host.change(Some(base), Some(desired))).unwrap();
        }
        done.store(true, Ordering::SeqCst);
        assert!(reader.join().unwrap() > 0);
    });
}
