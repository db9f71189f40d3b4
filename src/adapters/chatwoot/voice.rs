//! The recording of a voice message: an attachment whose `file_type` is `audio`. The first one counts; what else came with
//! the message is an attachment like any other.

use super::lenient::List;
use super::wire::Attachment;
use frontdesk_actors::domain::Voice;

/// Returns the recording among the attachments, if there is one with an address.
pub(super) fn of(attachments: &List<Attachment<'_>>) -> Option<Voice> {
    let audio = |attachment: &&Attachment<'_>| attachment.file_type.text() == Some("audio");
    attachments.items().iter().filter(audio).find_map(|attachment| {
        let mut voice = Voice::at(attachment.data_url.filled()?);
        voice.mime = attachment.content_type.filled().map(str::to_owned);
        voice.bytes = attachment.file_size.whole();
        Some(voice)
    })
}
