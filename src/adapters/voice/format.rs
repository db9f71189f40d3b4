//! What form a recording has, told by its first bytes.
//!
//! Endpoints go by the file's name alone: identical bytes are refused as `voice.opus` or `voice.oga` and understood as
//! `voice.ogg`. So a recording is sent under a name of ours.

/// The form of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Ogg, mostly Opus: what WhatsApp records.
    Ogg,
    /// MP3.
    Mp3,
    /// WAVE.
    Wav,
    /// FLAC.
    Flac,
    /// MPEG-4: what iPhones record.
    M4a,
    /// WebM: what browsers record.
    Webm,
    /// Something else that may be a recording (AMR, 3GP, AAC, AIFF, CAF): it must be converted first.
    Other,
}

impl Format {
    /// Tells the form of a recording; `None` where it is none: a page, an image, nothing at all.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        let brand = bytes.get(4..8) == Some(b"ftyp");
        let text = bytes.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        Some(match () {
            () if bytes.len() < 16 => return None,
            () if starts(b"OggS") => Self::Ogg,
            () if starts(b"fLaC") => Self::Flac,
            () if starts(b"RIFF") && bytes.get(8..12) == Some(b"WAVE") => Self::Wav,
            () if starts(&[0x1a, 0x45, 0xdf, 0xa3]) => Self::Webm,
            () if brand && bytes.get(8..11) == Some(b"3gp") => Self::Other,
            () if brand => Self::M4a,
            () if starts(b"ID3") => Self::Mp3,
            // MPEG audio layer III; ADTS has the layer bits 00.
            () if bytes[0] == 0xff && bytes[1] & 0xe6 == 0xe2 => Self::Mp3,
            () if starts(b"#!AMR") => Self::Other,
            () if text || starts(&[0xff, 0xd8]) || starts(b"\x89PNG") || starts(b"%PDF") => return None,
            () => Self::Other,
        })
    }

    /// Returns the name and the content type it is sent under; `None` where it must be converted first.
    pub(super) const fn sent_as(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ogg => Some(("voice.ogg", "audio/ogg")),
            Self::Mp3 => Some(("voice.mp3", "audio/mpeg")),
            Self::Wav => Some(("voice.wav", "audio/wav")),
            Self::Flac => Some(("voice.flac", "audio/flac")),
            Self::M4a => Some(("voice.m4a", "audio/mp4")),
            Self::Webm => Some(("voice.webm", "audio/webm")),
            Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(start: &[u8]) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(80, 0);
        bytes
    }

    #[test]
    fn the_form_is_told_by_the_first_bytes_and_a_page_is_no_recording() {
        for (start, format) in [
            (&b"OggS\0\x02"[..], Format::Ogg),
            (b"fLaC", Format::Flac),
            (b"RIFF\x24\0\0\0WAVEfmt ", Format::Wav),
            (&[0x1a, 0x45, 0xdf, 0xa3], Format::Webm),
            (b"\0\0\0\x20ftypM4A ", Format::M4a),
            (b"\0\0\0\x20ftyp3gp4", Format::Other),
            (b"ID3\x04", Format::Mp3),
            (&[0xff, 0xfb, 0x90], Format::Mp3),
            (&[0xff, 0xf1, 0x50], Format::Other),
            (b"#!AMR\n", Format::Other),
        ] {
            assert_eq!(Format::of(&padded(start)), Some(format), "{start:?}");
        }
        let html = b"<!doctype html><html><head><title>Sign in</title></head><body>Please sign in first</body></html>";
        for none in [&b""[..], b"OggS", html, &padded(&[0xff, 0xd8, 0xff, 0xe0]), &padded(b"\x89PNG\r\n")] {
            assert_eq!(Format::of(none), None, "{none:?}");
        }
        assert_eq!(Format::Ogg.sent_as(), Some(("voice.ogg", "audio/ogg")), "never .oga, never .opus");
    }
}
