//! The rules of a set of keys, as tables.

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn owner(mode: Mode) -> Owner {
    Owner { merchant_id: "mer_a".parse().expect("an id"), mode }
}

fn key(name: u8, expires_at: Option<Timestamp>) -> ApiKey {
    ApiKey::new(&owner(Mode::Test), [[name; 16], [0; 16]], expires_at, NOW).0
}

fn ring(keys: &[ApiKey]) -> KeyRing {
    KeyRing { keys: keys.to_vec(), ..KeyRing::empty(&owner(Mode::Test)) }
}

#[test]
fn a_new_key_is_found_by_its_text_only_and_its_record_does_not_hold_it() {
    for mode in [Mode::Test, Mode::Live] {
        let (key, text) = ApiKey::new(&owner(mode), [[7; 16], [255; 16]], None, NOW);
        let text = text.expose();
        assert!(text.starts_with(&format!("fk_{mode}_")) && text.len() == 8 + 2 * DIGITS);
        assert_eq!(ApiKey::hash(text), Some(key.key_hash.clone()));
        assert!(text.ends_with(&key.last4) && key.last4.len() == 4);
        let stored = serde_json::to_string(&key).expect("plain data");
        assert!(!stored.contains(&text[8..]) && !format!("{key:?}").contains(&text[8..]));
        let view = key.view(NOW).to_string();
        assert!(!view.contains(&text[8..]) && !view.contains(&key.key_hash), "a view shows neither text nor hash");
    }
}

#[test]
fn the_same_bits_make_different_keys_in_test_and_live() {
    let [test, live] = [Mode::Test, Mode::Live].map(|mode| ApiKey::new(&owner(mode), [[7; 16]; 2], None, NOW).0);
    assert_ne!(test.key_hash, live.key_hash);
    assert_ne!(test.key_id, live.key_id);
}

#[test]
fn what_is_no_key_has_no_hash() {
    let long = "x".repeat(65);
    for rest in ["", "short", "0123456789abcde ", "0123456789abcdeß", long.as_str()] {
        assert_eq!(ApiKey::hash(&format!("fk_test_{rest}")), None, "{rest:?}");
    }
    assert_eq!(ApiKey::hash("fk_prod_0123456789abcdef"), None);
    assert!(ApiKey::hash("fk_live_0123456789abcdef").is_some());
}

#[test]
fn a_third_active_key_is_refused_and_an_ended_one_makes_room() {
    let (past, soon) = (Some(NOW), Some(NOW.plus_seconds(1)));
    let mut revoked = key(2, None);
    revoked.revoked_at = Some(NOW.plus_seconds(-5));
    let rows = [
        (vec![], true),
        (vec![key(1, None)], true),
        (vec![key(1, None), key(2, soon)], false),
        (vec![key(1, None), key(2, past)], true),
        (vec![key(1, None), revoked.clone()], true),
        (vec![key(1, None), revoked, key(3, None)], false),
    ];
    for (keys, accepted) in rows {
        let count = keys.len();
        match ring(&keys).with(key(9, None), NOW) {
            Ok(next) => assert!(accepted && next.keys.len() == count + 1 && next.version == 1, "{keys:?}"),
            Err(refusal) => assert!(!accepted && refusal == KeyRefusal::TwoActive, "{keys:?}"),
        }
    }
}

#[test]
fn a_rotated_key_ends_after_its_grace_and_never_later_than_it_would_have() {
    let at = |seconds| NOW.plus_seconds(seconds);
    let check = |keys: &[ApiKey], grace, expected: Result<Timestamp, KeyRefusal>| {
        let rotated = ring(keys).rotated(&keys[0].key_id, key(9, None), at(grace), NOW);
        let ends = rotated.map(|next| {
            assert_eq!(next.keys.last(), Some(&key(9, None)));
            next.keys[0].expires_at.expect("the old key ends")
        });
        assert_eq!(ends, expected, "{grace}");
    };
    check(&[key(1, None)], GRACE_SECONDS, Ok(at(GRACE_SECONDS)));
    check(&[key(1, Some(at(60)))], GRACE_SECONDS, Ok(at(60)));
    check(&[key(1, Some(at(60)))], 30, Ok(at(30)));
    check(&[key(1, None), key(2, None)], GRACE_SECONDS, Err(KeyRefusal::TwoActive));
    check(&[key(1, None), key(2, None)], 0, Ok(at(0)));
    check(&[key(1, Some(at(0)))], GRACE_SECONDS, Err(KeyRefusal::Ended));
    let unknown = ring(&[key(1, None)]).rotated(&key(2, None).key_id, key(9, None), at(1), NOW);
    assert_eq!(unknown, Err(KeyRefusal::Unknown));
}

#[test]
fn revoking_ends_a_key_once() {
    let set = ring(&[key(1, None), key(2, None)]);
    let id = set.keys[0].key_id.clone();
    let once = set.clone().revoked(&id, NOW).expect("known").expect("a change");
    assert_eq!((once.keys[0].is_active(NOW), once.keys[1].is_active(NOW), once.version), (false, true, 1));
    assert_eq!(once.revoked(&id, NOW.plus_seconds(9)), Ok(None));
    assert_eq!(set.revoked(&key(3, None).key_id, NOW), Err(KeyRefusal::Unknown));
}

#[test]
fn a_set_forgets_the_oldest_of_those_that_ended_and_no_active_one() {
    let mut set = ring(&[key(0, None)]);
    for name in 1..100 {
        set = set.with(key(name, None), NOW).expect("one is active");
        set = set.revoked(&key(name, None).key_id, NOW).expect("known").expect("a change");
    }
    assert_eq!(set.keys.len(), MAX_KEPT);
    assert_eq!(set.keys[0], key(0, None), "the active key stays");
    assert_eq!(set.keys[MAX_KEPT - 1].key_id, key(99, None).key_id);
}

#[test]
fn requests_for_keys_name_the_wrong_field() {
    let fields = |errors: Vec<FieldError>| errors.into_iter().map(|error| error.field).collect::<Vec<_>>();
    let create = |body: Value| create_key(&body, NOW).map_err(fields);
    assert_eq!(create(json!({})), Ok(None));
    assert_eq!(create(json!({ "expires_at": NOW.plus_seconds(1).to_rfc3339() })), Ok(Some(NOW.plus_seconds(1))));
    for wrong in [json!(NOW.to_rfc3339()), json!("tomorrow"), json!(1)] {
        assert_eq!(create(json!({ "expires_at": wrong })), Err(vec!["expires_at".to_owned()]));
    }
    assert_eq!(create(json!([])), Err(vec!["(body)".to_owned()]));
    let rotate = |body: Value| rotate_key(&body).map_err(fields);
    assert_eq!(rotate(json!({})), Ok(GRACE_SECONDS));
    assert_eq!(rotate(json!({ "grace_seconds": 0 })), Ok(0));
    assert_eq!(rotate(json!({ "grace_seconds": MAX_GRACE_SECONDS })), Ok(MAX_GRACE_SECONDS));
    for wrong in [json!(-1), json!(MAX_GRACE_SECONDS + 1), json!(1.5), json!("1")] {
        assert_eq!(rotate(json!({ "grace_seconds": wrong })), Err(vec!["grace_seconds".to_owned()]));
    }
    assert_eq!(rotate(json!({ "now": true })), Err(vec!["now".to_owned()]));
}
