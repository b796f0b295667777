"""Notes of a made-up sailing club, and questions with one best note each."""

import re
from typing import Final

from knowledge.page.site import PublishedNote
from tests.knowledge.page.made_sites import note

_HEAD: Final = re.compile(r"[^|\n]+ \| ")
_NOTES: Final = """
How do I reserve a boat? | boats booking
Open the calendar in the clubhouse tablet, choose a **free** slot and enter your number. You can \
hold two slots a week. Cancel at least four hours before, or the slot counts.

Where is the key to the boat shed? | shed
It hangs in the grey box beside the door. The code changes each month and is in the members' \
letter. Put it back *before* you sail.

What to do after a capsize | safety
1. Count heads.
2. Hold on to the hull and stay with it.
3. Wave both arms, or call on channel 9.

The rescue boat `Tern` needs about six minutes.

Rigging the Laser | boats rigging
Slide the sail over the mast, push the mast into its step and tie the downhaul with a bowline. \
Check the drain plug.

> Without the plug she fills in ten minutes.

Which wind is too strong for beginners? | safety weather
From **5 Beaufort** on, nobody without the second badge leaves the harbour. Gusts count: look at \
the anemometer for a minute.

| Beaufort | Who may sail |
|---|---|
| 0–3 | everybody |
| 4 | with the first badge |
| 5 | with the second badge |

Tide tables | weather
Low water is unsafe at the slipway for one hour on either side. The table hangs at the gate and \
is on https://tides.example.org.

Membership fees | money
Adults pay 120 a year, students 60, children nothing. Transfer it by the end of March with your \
number as the reference.

How can I get my deposit back? | money
Hand in your locker token at the office on a Thursday. The treasurer transfers the deposit \
within two weeks.

Cleaning the boats | boats
Rinse hull and fittings with fresh water, take out the bungs and leave the boat upside down on \
its trolley.

VHF radio channels | safety radio
Channel 9 is ours, 16 is for distress only, 12 is the harbour master. Say the boat's name twice.

Who may drive the rescue boat? | safety
Members with a powerboat licence who did the evening course this year. Ask Bea for the next date.

Repairing gelcoat | boats repair
Sand, clean with acetone, mix 2 % hardener and press film on it. Above 15 °C it cures in a night.

Winter storage | boats storage
From November the boats lie in the hall. Take off sails, sheets and batteries, and label \
everything with your name.

Life jackets | safety
Everybody wears one on the water and on the jetty. Sizes hang in order of weight; a jacket whose \
cartridge is red is not to be used.

Race scoring | racing
Low point system: the winner has one point, and each boat the number of its place. One result of \
five is dropped.

Protest a race result | racing
Hail *protest* at once, show a red flag and hand in the form within 60 minutes of the last finish.

Bring guests | members
A guest may sail three times a year with you. Write the name into the book, and lend them a jacket.

Parking and bicycles | members
Park behind the hall, never on the slipway. Bicycles go under the roof.

Wifi in the clubhouse | clubhouse
The network is `harbour-guests`, and the password is on the board in the kitchen. It reaches the \
jetty only with luck.

Kitchen rules | clubhouse
Wash up, turn the gas off at the bottle, and take your rubbish with you.
"""

# Each with its note's title; they share few words.
QUESTIONS: Final = {
    "how do I book a boat slot": "How do I reserve a boat?",
    "shed key": "Where is the key to the boat shed?",
    "boat capsized what now": "What to do after a capsize",
    "laser mast downhaul": "Rigging the Laser",
    "can beginners sail at 5 beaufort": "Which wind is too strong for beginners?",
    "low water slipway": "Tide tables",
    "how much do students pay": "Membership fees",
    "deposit locker token": "How can I get my deposit back?",
    "distress channel": "VHF radio channels",
    "wifi passw": "Wifi in the clubhouse",
}


def notes() -> tuple[PublishedNote, ...]:
    made = []
    blocks = _NOTES.strip().split("\n\n")
    heads = [
        at for at, block in enumerate(blocks) if " | " in block.split("\n")[0] and block[0] != "|"
    ]
    for number, (start, end) in enumerate(zip(heads, [*heads[1:], len(blocks)], strict=True), 1):
        head, _, first = blocks[start].partition("\n")
        title, _, tags = head.partition(" | ")
        text = "\n\n".join([first, *blocks[start + 1 : end]])
        made.append(
            note(
                number,
                title,
                text,
                tags=tuple(tags.split()),
                contributor="Bea" if number % 2 else None,
                asked_count=(number * 7) % 5,
            )
        )
    return tuple(made)
