use super::*;

#[test]
fn the_line_of_the_policy_has_a_name() {
    assert_eq!(service().as_str(), SERVICE);
}
