use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const SIGNATURE: &str = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ==\n-----END SSH SIGNATURE-----\n";

fn approval() -> Approval {
    Approval {
        repository: RepositoryId(Digest::of("repository")),
        environment: "acme-prod".parse().unwrap(),
        plan: PlanId(Digest::of("plan")),
        verdict: ApprovalVerdict::Approve,
        deploy: false,
        reason: "load-tested on \"staging\"".to_owned(),
        acknowledge: Vec::new(),
        maker: Maker::Signed { by: "alice".parse().unwrap(), previous: None, signature: SIGNATURE.to_owned() },
    }
}

#[test]
fn signed_are_all_fields_but_the_signature() {
    insta::assert_snapshot!(String::from_utf8(approval().signed_bytes()).unwrap(), @r#"{"apiVersion":"countersign/v1","kind":"Approval","spec":{"acknowledge":[],"by":"alice","deploy":false,"environment":"acme-prod","plan":"sha256:64879f7d6b960a01909762d911a32d4582c20010c5641ee90278b644a9e3b525","previous":null,"reason":"load-tested on \"staging\"","repository":"sha256:e2885f2bbe3d7a8b08e328b9abf1e0824bebad97625b300e24649a256c6c4847","verdict":"approve"}}"#);
    let ready_made = Approval { maker: Maker::ReadyMade { n: 3 }, ..approval() };
    insta::assert_snapshot!(String::from_utf8(ready_made.signed_bytes()).unwrap(), @r#"{"apiVersion":"countersign/v1","kind":"Approval","spec":{"acknowledge":[],"deploy":false,"environment":"acme-prod","n":3,"plan":"sha256:64879f7d6b960a01909762d911a32d4582c20010c5641ee90278b644a9e3b525","reason":"load-tested on \"staging\"","repository":"sha256:e2885f2bbe3d7a8b08e328b9abf1e0824bebad97625b300e24649a256c6c4847","verdict":"approve"}}"#);
}

#[test]
fn every_field_changes_the_digest_and_the_signature_does_not() {
    let signed = |previous, signature: &str| Maker::Signed {
        by: "alice".parse().unwrap(),
        previous,
        signature: signature.to_owned(),
    };
    let other = Digest::of("other");
    let changed = [
        Approval { repository: RepositoryId(other), ..approval() },
        Approval { environment: "acme-staging".parse().unwrap(), ..approval() },
        Approval { plan: PlanId(other), ..approval() },
        Approval { verdict: ApprovalVerdict::Reject, ..approval() },
        Approval { deploy: true, ..approval() },
        Approval { reason: String::new(), ..approval() },
        Approval { acknowledge: vec![TRUNCATED.to_owned()], ..approval() },
        Approval { maker: signed(Some(StatementId(other)), SIGNATURE), ..approval() },
        Approval {
            maker: Maker::Signed { by: "bob".parse().unwrap(), previous: None, signature: SIGNATURE.to_owned() },
            ..approval()
        },
        Approval { maker: Maker::ReadyMade { n: 1 }, ..approval() },
        Approval { maker: Maker::ReadyMade { n: 2 }, ..approval() },
    ];
    let mut digests: Vec<StatementId> = changed.iter().map(Approval::digest).collect();
    digests.push(approval().digest());
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), changed.len() + 1);
    let resigned = Approval { maker: signed(None, "-----BEGIN SSH SIGNATURE-----\n…"), ..approval() };
    assert_eq!(resigned.digest(), approval().digest());
}

#[test]
fn a_statement_in_other_words_has_the_same_digest() {
    let text = approval().to_yaml();
    let reworded =
        text.replace("previous: null", "previous:    null # none").replace("acknowledge: []", "acknowledge: [ ]");
    assert_ne!(text, reworded);
    assert_eq!(Statement::read("f", reworded.as_bytes()).unwrap().digest(), approval().digest());
}

fn digests() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::of)
}

fn environments() -> impl Strategy<Value = EnvironmentName> {
    "[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?".prop_map(|name| name.parse().unwrap())
}

fn makers() -> impl Strategy<Value = Maker> {
    let by = "yes|no|on|0x1|1e3|null|[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?";
    prop_oneof![
        (0..1u64 << 53).prop_map(|n| Maker::ReadyMade { n }),
        (by, prop::option::of(digests()), "([A-Za-z0-9+/=]{1,70}\n){1,4}", "\n{0,2}").prop_map(
            |(by, previous, lines, end)| Maker::Signed {
                by: by.parse().unwrap(),
                previous: previous.map(StatementId),
                signature: format!("-----BEGIN SSH SIGNATURE-----\n{lines}-----END SSH SIGNATURE-----{end}"),
            }
        ),
    ]
}

fn approvals() -> impl Strategy<Value = Approval> {
    let verdicts = prop_oneof![
        any::<bool>().prop_map(|deploy| (ApprovalVerdict::Approve, deploy)),
        Just((ApprovalVerdict::Reject, false)),
        Just((ApprovalVerdict::Withdraw, false)),
    ];
    (digests(), environments(), digests(), verdicts, any::<String>(), any::<bool>(), makers()).prop_map(
        |(repository, environment, plan, (verdict, deploy), reason, truncated, maker)| Approval {
            repository: RepositoryId(repository),
            environment,
            plan: PlanId(plan),
            verdict,
            deploy,
            reason,
            acknowledge: if truncated { vec![TRUNCATED.to_owned()] } else { Vec::new() },
            maker,
        },
    )
}

fn actions() -> impl Strategy<Value = RequestAction> {
    let number = || 1..1u64 << 53;
    let duration = || "[1-9][0-9]{0,3}[smh]".prop_map(|text| text.parse().unwrap());
    prop_oneof![
        (digests(), prop::option::of(0..4_000_000_000i64), any::<Option<bool>>()).prop_map(
            |(plan, at, override_window)| {
                let at = at.map(|second| Timestamp::from_second(second).unwrap());
                RequestAction::Deploy { plan: PlanId(plan), at, override_window }
            }
        ),
        number().prop_map(|number| RequestAction::Redeploy { number }),
        (number(), number()).prop_map(|(number, to)| RequestAction::Rollback { number, to }),
        (prop::option::of(number()), environments()).prop_map(|(number, from)| RequestAction::Promote { number, from }),
        prop::option::of(number()).prop_map(|number| RequestAction::Suspend { number }),
        prop::option::of(number()).prop_map(|number| RequestAction::Resume { number }),
        digests().prop_map(|plan| RequestAction::Close { plan: PlanId(plan) }),
        digests().prop_map(|plan| RequestAction::Reopen { plan: PlanId(plan) }),
        (prop::option::of(number()), duration(), duration()).prop_map(|(number, access_duration, grant_expiration)| {
            RequestAction::Open { number, access_duration, grant_expiration }
        }),
    ]
}

fn requests() -> impl Strategy<Value = Request> {
    (digests(), environments(), actions(), any::<String>(), makers()).prop_map(
        |(repository, environment, action, reason, maker)| Request {
            repository: RepositoryId(repository),
            environment,
            action,
            reason,
            maker,
        },
    )
}

fn written_and_read(statement: &Statement) {
    let text = statement.to_yaml();
    let read = Statement::read("f", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(read, *statement);
    assert_eq!(read.signed_bytes(), statement.signed_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_approval_is_read_as_it_was_written(approval in approvals()) {
        written_and_read(&Statement::Approval(approval));
    }

    #[test]
    fn a_request_is_read_as_it_was_written(request in requests()) {
        written_and_read(&Statement::Request(request));
    }

    #[test]
    fn any_bytes_are_a_statement_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Statement::read("f", &bytes);
    }

    /// One line of a good file left out, given twice, or exchanged for another.
    #[test]
    fn a_file_with_other_lines_is_not_the_same_statement(approval in approvals(), at in 0usize..20, how in 0..3, to in 0usize..20) {
        let text = approval.to_yaml();
        let mut lines: Vec<&str> = text.lines().collect();
        let (at, to) = (at % lines.len(), to % lines.len());
        match how {
            0 => { lines.remove(at); }
            1 => lines.insert(to, lines[at]),
            _ => lines.swap(at, to),
        }
        if let Ok(read) = Statement::read("f", lines.join("\n").as_bytes()) {
            let Statement::Approval(read) = read else { panic!("an approval became a request") };
            // Only the order of fields, and the lines within a signature, are free.
            let of = |maker: &Maker| match maker {
                Maker::Signed { by, previous, .. } => (Some(by.clone()), *previous, 0),
                Maker::ReadyMade { n } => (None, None, *n),
            };
            prop_assert_eq!(of(&read.maker), of(&approval.maker));
            // A line of the signature below a reason is more of that reason, as YAML has it, and the signature no longer fits.
            let signature = text.lines().filter(|line| line.starts_with("    "));
            let mut more = signature.map(|line| format!("{} {}", approval.reason, line.trim()));
            if more.any(|more| read.reason == more) {
                prop_assert!(matches!(read.maker, Maker::Signed { .. }), "nothing is signed");
                prop_assert_ne!(read.signed_bytes(), approval.signed_bytes());
            } else {
                prop_assert_eq!(read.signed_bytes(), approval.signed_bytes());
            }
        }
    }
}
