//! Answers that a place does not take: nobody is called twice where nobody waits, and nobody hangs where somebody does.

use super::desk::served;
use crate::journeys::support::on_both_stores;
use anyhow::Result;
use frontdesk_sandbox::kommo::Fault;
use frontdesk_sandbox::town::Backing;
use std::sync::{Arc, Mutex, PoisonError};

on_both_stores!(who_took_no_answer_is_called_again_only_where_somebody_waits,);

async fn who_took_no_answer_is_called_again_only_where_somebody_waits(backing: Backing) -> Result<()> {
    for (fault, tries) in [(Fault::Expire, 1), (Fault::Refuse(400), 2)] {
        let desk = served(backing).await?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noted = calls.clone();
        desk.kommo.leave_to(Box::new(move |request| {
            let mut calls = noted.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(request);
            (calls.len() == 1).then_some(fault)
        }));
        let asked = desk.asks("hello").await?;
        let request = asked.request;
        desk.reaches("human").await?;
        if tries == 2 {
            let answer = desk.kommo.answer_to(asked).await?;
            assert!(answer.status == "human" && answer.shown.is_empty(), "a person has it: {answer:?}");
        }
        assert!(!desk.answers("are you there?").await?.shown.is_empty(), "the customer is told of the person there");
        desk.rests().await?;
        let called = calls.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|of| **of == request).count();
        assert_eq!(called, tries, "{fault:?}");
    }
    Ok(())
}
