# The verification mail. $company is SENDER_NAME, $code the six digits, $hours how long both work.
mail-subject = { $code } is your code for { $company }
mail-preheader = Confirm your address to continue the chat.
mail-heading = Confirm your e-mail address
mail-intro = This address was given in a chat with { $company }. Open the page and press the button there to continue.
mail-button = Confirm my address
mail-enter-code = Or type this code in the chat:
mail-open-link = If the button does not work, open this link:
mail-validity = The link and the code work once, within { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
}.
mail-not-you = If this was not you, ignore this mail, or open the link and press “This was not me”.
mail-automatic = This mail was sent automatically. Replies are not read.
