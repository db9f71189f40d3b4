//! Notifications that are fetched instead of pushed, for those without a public address.
//!
//! The head of the queue is served again until it is deleted, so it is deleted only when its event is durable.

use super::GreenApi;
use super::transport::Call;
use crate::adapters::green_api::json::whole;
use frontdesk_actors::ports::{PortError, PortErrorKind};
use std::fmt;
use std::time::Duration;

/// How much longer than the vendor waits for a notification its answer is waited for.
const GRACE: Duration = Duration::from_secs(10);

/// One notification.
pub struct Notification {
    /// Its number, to delete it by.
    pub receipt: u64,
    /// What a webhook would have carried; the whole answer if that is not JSON.
    pub body: Vec<u8>,
    /// Whether the answer could be read. Otherwise its body is to be kept for operators, like a webhook of that kind.
    pub readable: bool,
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification").field("receipt", &self.receipt).finish_non_exhaustive()
    }
}

impl GreenApi {
    /// Waits for the next notification, for up to `wait` (5 to 60 s). `None` if there is none.
    ///
    /// # Errors
    /// [`PortError`]; [`PortErrorKind::Rejected`] while the instance has a webhook address.
    pub async fn receive(&self, wait: Duration) -> Result<Option<Notification>, PortError> {
        let operation = "fetch a notification from GREEN-API";
        let seconds = wait.as_secs().clamp(5, 60);
        let call = Call::get(operation, "receiveNotification")
            .query(format!("receiveTimeout={seconds}"))
            .within(Duration::from_secs(seconds) + GRACE);
        let reply = self.transport.send(call).await;
        let raw = reply.success();
        let answer = match self.judge(reply, operation) {
            Ok(answer) => answer,
            // Served again until it is deleted, it would hold back all others.
            Err(refusal) => {
                let unreadable = raw.and_then(|raw| Some((receipt_in(&raw)?, raw)));
                let (receipt, raw) = unreadable.ok_or_else(|| refusal.into_port_error(operation))?;
                return Ok(Some(Notification { receipt, body: raw.into(), readable: false }));
            }
        };
        if answer.is_null() {
            return Ok(None);
        }
        let receipt = whole(&answer, &["receiptId"]);
        let receipt = receipt.ok_or_else(|| PortError::new(PortErrorKind::Broken, operation))?;
        let body = answer.get("body").map(serde_json::Value::to_string).unwrap_or_default().into_bytes();
        Ok(Some(Notification { receipt, body, readable: true }))
    }

    /// Deletes a notification whose event is durable. One that is gone is deleted, too.
    ///
    /// # Errors
    /// [`PortError`]: it comes again, which harms nobody.
    pub async fn delete(&self, receipt: u64) -> Result<(), PortError> {
        let operation = "delete a notification at GREEN-API";
        let call = Call::delete(operation, "deleteNotification", receipt);
        self.call(call).await.map(drop).map_err(|refusal| refusal.into_port_error(operation))
    }
}

/// Finds the number of a notification in an answer that is not JSON: a lone surrogate, or bytes that are not UTF-8. What a
/// customer wrote cannot pass for it, because quotes in a text are escaped.
fn receipt_in(raw: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"receiptId\"";
    let at = raw.windows(KEY.len()).position(|window| window == KEY)?;
    let behind = raw[at + KEY.len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // A number at the very end may be cut.
    behind.get(digits)?;
    std::str::from_utf8(&behind[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_what_is_not_json() {
        assert_eq!(receipt_in(b"{\"receiptId\":42,\"body\":{\"text\":\"\\ud83d\"}}"), Some(42));
        assert_eq!(receipt_in(b"{\"receiptId\" : 7 ,\"body\":\"\xff\"}"), Some(7));
        assert_eq!(receipt_in(b"{\"text\":\"\\\"receiptId\\\":9,\xff\",\"receiptId\":8}"), Some(8), "no text counts");
        let none: [&[u8]; 6] = [
            b"",
            b"<html>",
            b"{\"receiptId\":4",
            b"{\"receiptId\":\"4\"}",
            b"{\"receiptId\":}",
            b"{\"receiptId\":99999999999999999999999}",
        ];
        for raw in none {
            assert_eq!(receipt_in(raw), None, "{}", String::from_utf8_lossy(raw));
        }
    }
}
