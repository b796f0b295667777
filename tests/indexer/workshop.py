"""Rules of a workshop: few passages, among which the meaning of single tokens decides a question.

No passage has the words of `QUESTION` that say what is asked. By the vectors of whole passages the
one about fees is the nearest, because it says what may be asked for; the one that answers has
`Borrowed` and `on the same evening`.
"""

from typing import Final

from knowledge.values.documents import SHARED, Document, Kind

RULES: Final = {
    "fees": "Members pay ten euros a month. Whoever is poor can ask the treasurer to waive the "
    "fee.",
    "door": "The workshop opens at nine. The last one to leave locks up and hands the key to the "
    "neighbour.",
    "tools": "Borrowed drills and saws go back on the shelf on the same evening, cleaned of dust.",
    "food": "Meals are cooked together on Fridays. There is always a dish without meat and without "
    "nuts.",
    "noise": "After ten in the evening the neighbours sleep: no drilling, no music.",
    "fire": "If something burns, leave by the stairs and call the brigade from the yard.",
    "guests": "Visitors sign the book at the entrance and are with a member at all times.",
    "children": "Children under twelve may use hand tools only, and an adult stands beside them.",
    "heating": "The radiators are turned down to sixteen degrees when everybody has gone home.",
    "bicycles": "Bicycles stand in the yard; what blocks the gate is moved to the cellar.",
    "internet": "The wireless password hangs beside the coffee machine and changes each spring.",
    "rubbish": "Paper, glass and scrap metal have bins of their own behind the shed.",
    "kitchen": "The dishwasher runs when it is full; knives are washed by hand.",
    "dogs": "Dogs stay on a lead and never enter the spray booth.",
    "windows": "Windows are shut when it rains or snows.",
    "voting": "Each member has one vote, and the assembly meets in March.",
    "paint": "Open tins of paint are labelled with a name and the month.",
    "lathe": "Long hair is tied back at the lathe, and rings come off.",
    "insurance": "The insurance covers accidents of members, not of their friends.",
    "plants": "The basil on the sill is watered on Mondays.",
    "parking": "Lorries unload in front of the gate for twenty minutes at most.",
    "wood": "Offcuts shorter than a hand belong to everybody.",
}
QUESTION: Final = "is borrowing overnight okay"
# The first by fused scores, and the first where tokens are compared.
FUSED_FIRST: Final = "fees"
LATE_FIRST: Final = "tools"


def rule(name: str, text: str = "") -> Document:
    return Document(f"file:{name}", SHARED, Kind.FILE, "", text or RULES[name])


def rules() -> list[Document]:
    return [rule(name) for name in RULES]
