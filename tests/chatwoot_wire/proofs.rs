//! What proves that a customer owns an address, and what does not.

use crate::support::{Desk, Tokens, context, fixture, inbound, mac};
use frontdesk::adapters::chatwoot::{ADDRESS_ATTRIBUTE, MAC_ATTRIBUTE, ParseContext, Subject};
use frontdesk_actors::domain::{Proof, ProofKind};
use frontdesk_actors::ports::{Act, Verdict};
use serde_json::{Value, json};

const JANE: Subject<'static> = Subject { account: 1, conversation: 57, contact: 412, address: "jane@example.com" };

fn proof(attributes: &Value, ctx: &ParseContext) -> Option<Proof> {
    let mut body: Value = serde_json::from_str(fixture!("message_created.incoming")).expect("a fixture is JSON");
    body["conversation"]["custom_attributes"] = attributes.clone();
    inbound(&body.to_string(), ctx).proof
}

fn marked(subject: &Subject<'_>, address: &str) -> Value {
    json!({ MAC_ATTRIBUTE: mac().seal(subject), ADDRESS_ATTRIBUTE: address, "plan": "pro" })
}

#[test]
fn our_mark_proves_the_address_it_covers() {
    let address = Some("jane@example.com".to_owned());
    let expected = Some(Proof { address, by: ProofKind::Mac });
    assert_eq!(proof(&marked(&JANE, JANE.address), &context()), expected);
    let unknown = Subject { address: "", ..JANE };
    assert_eq!(proof(&marked(&unknown, ""), &context()), Some(Proof { address: None, by: ProofKind::Mac }));
}

#[test]
fn a_mark_of_something_else_proves_nothing() {
    for other in [
        Subject { contact: 413, ..JANE },
        Subject { conversation: 58, ..JANE },
        Subject { account: 2, ..JANE },
        Subject { address: "mallory@example.com", ..JANE },
    ] {
        assert_eq!(proof(&marked(&other, JANE.address), &context()), None, "{other:?}");
    }
    assert_eq!(proof(&marked(&JANE, "mallory@example.com"), &context()), None, "the address was exchanged");
    for forged in [json!(true), json!("v1.00"), json!("true"), Value::Null, json!({ "v1": 1 })] {
        assert_eq!(proof(&json!({ MAC_ATTRIBUTE: forged, ADDRESS_ATTRIBUTE: JANE.address }), &context()), None);
    }
}

#[test]
fn plain_attributes_count_only_if_the_operator_trusts_them() {
    let plain = json!({ "email_verified": true, "verified_contact_412": true });
    assert_eq!(proof(&plain, &context()), None, "a visitor can set these from the browser console");
    let trusting = ParseContext { trust_plain_attributes: true, ..context() };
    assert_eq!(proof(&plain, &trusting), Some(Proof { address: None, by: ProofKind::PlainAttributes }));
    for incomplete in [
        json!({ "email_verified": true }),
        json!({ "verified_contact_412": true }),
        json!({ "email_verified": true, "verified_contact_413": true }),
        json!({ "email_verified": "true", "verified_contact_412": true }),
        json!({ "email_verified": true, "verified_contact_412": false }),
    ] {
        assert_eq!(proof(&incomplete, &trusting), None, "{incomplete}");
    }
}

#[test]
fn an_identity_signed_by_the_company_proves_what_the_signature_covers() {
    let signed = |identifier: &str, place: &str| {
        let mut body: Value = serde_json::from_str(fixture!("message_created.incoming")).expect("a fixture is JSON");
        *body.pointer_mut(place).expect("it is in the fixture") = json!(true);
        body["conversation"]["meta"]["sender"]["identifier"] = json!(identifier);
        inbound(&body.to_string(), &context()).proof
    };
    for place in ["/conversation/meta/hmac_verified", "/conversation/contact_inbox/hmac_verified"] {
        // The signature is made over the identifier: a visitor can put any address beside it.
        assert_eq!(signed("crm-9931", place), Some(Proof { address: None, by: ProofKind::VendorIdentity }));
        let address = Some("jane@example.com".to_owned());
        assert_eq!(signed("Jane@example.com", place), Some(Proof { address, by: ProofKind::VendorIdentity }));
    }
}

#[tokio::test]
async fn what_the_client_writes_down_is_what_the_webhook_proves() {
    for version in [(4, 16, 2), (4, 17, 0)] {
        let options = frontdesk_sandbox::chatwoot::Options { version, ..Default::default() };
        let desk = Desk::open_with(Tokens::Bot, options).await;
        desk.double
            .visitor_sets_attributes(desk.conversation, json!({ "plan": "pro", "frontdesk_verified": "v1.forged" }));
        let address = Some("jane@example.com".to_owned());
        let done = desk.act(Act::MarkVerified { address: address.clone() }).await;
        assert_eq!(done, Verdict::Settled { message: None });
        let attributes = desk.double.conversation(desk.conversation).expect("it is there").custom_attributes;
        assert_eq!(attributes.get("plan"), Some(&json!("pro")), "other attributes stay");
        assert_eq!(attributes.get("email_verified"), Some(&json!(true)));
        assert_eq!(attributes.get("verified_contact_412"), Some(&json!(true)));
        let seen = proof(&Value::Object(attributes), &context());
        assert_eq!(seen, Some(Proof { address, by: ProofKind::Mac }));
        // Written again without an address, the mark covers none.
        desk.act(Act::MarkVerified { address: None }).await;
        let attributes = desk.double.conversation(desk.conversation).expect("it is there").custom_attributes;
        assert_eq!(proof(&Value::Object(attributes), &context()), Some(Proof { address: None, by: ProofKind::Mac }));
    }
}
