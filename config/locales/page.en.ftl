# The verification page. $site is the company's name.

verify-open-title = Confirm your address
verify-open-text = Somebody is chatting with { $site } and gave this address. Is this you?
verify-open-address = Address
verify-open-time = Asked at
verify-open-words = The chat began with
verify-open-button = Yes, this is me
verify-disown-text = You did not write to us? Then somebody gave your address by mistake.
verify-disown-button = This was not me
verify-done-title = Thank you, your address is confirmed
verify-done-text = You can close this page and go back to the chat.
verify-used-title = This link was already used
verify-used-text = A link works once. If you confirmed the address yourself, all is well: go back to the chat.
verify-expired-title = This link no longer works
verify-expired-text = It has expired, or a newer mail has replaced it. Go back to the chat and ask for a new mail.
verify-foreign-title = We do not know this link
verify-foreign-text = It belongs to no chat of ours. Open the newest mail, or write to us again.
verify-malformed-title = This link is incomplete
verify-malformed-text = Perhaps it was cut off on its way. Copy the whole link from the mail, or type the code from the mail into the chat.
verify-disowned-title = Thank you for telling us
verify-disowned-text = The request is void, and we will not write to this address for a day.
verify-ended-title = This request was cancelled
verify-ended-text = Somebody pressed “This was not me”. You can give another address in the chat.
verify-unavailable-title = Please try again in a minute
verify-unavailable-text = We cannot check the link right now. Nothing is lost: the link stays valid.
