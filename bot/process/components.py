"""Registry of the forms, buttons and lists that work after a restart, each found by its id."""

from typing import Final

from bot.ask.ui.answer_message import AnswerButton, PassageSelect, PickButton
from bot.ask.ui.feedback import ReasonModal, ReasonSelect
from bot.ask.ui.picture_questions import PictureButton, PictureForm
from bot.ask.ui.quotes_button import QuotesButton
from bot.ask.ui.unasked_buttons import HelpedButton
from bot.gaps.ui.buttons import GapButton
from bot.gaps.ui.cog import GapsButton, GroupSelect
from bot.gaps.ui.existing_answer import PointButton, PointForm, PointSelect
from bot.gaps.ui.handover_buttons import HandOnButton, HandoverButton, HelperForm
from bot.notes.ui.form import NoteModal, ReviseButton
from bot.notes.ui.lists import HistoryButton, PageButton, WithdrawButton
from bot.notes.ui.page_button import NotePageButton
from bot.notes.ui.report import ReportButton, ReportModal
from bot.notes.ui.submission import DraftButton, ExtendButton
from bot.page.ui.cog import KeepOffSelect, ReleaseButton
from bot.privacy.ui.cog import PrivacyButton
from bot.review.ui.cards import CardButton, EditModal, RulingModal
from bot.review.ui.cog import LogButton
from bot.review.ui.queue import QueueButton
from bot.search.ui.cog import SearchButton
from bot.setup.ui.controls import HostsForm, LooksForm, SettingSelect, SetupButton, TrialForm
from bot.sources.ui.cog import SourcesButton
from bot.statistics.ui.cog import BoardButton
from bot.statistics.ui.weekly_layout import DigestButton

# Every form that members fill in; what is sent after a restart is taken by its id.
FORMS: Final = (
    NoteModal,
    RulingModal,
    EditModal,
    ReportModal,
    ReasonModal,
    HelperForm,
    PointForm,
    HostsForm,
    LooksForm,
    TrialForm,
    PictureForm,
)

# Every button and list that works after a restart, by its id.
BUTTONS: Final = (
    AnswerButton,
    PassageSelect,
    PickButton,
    PictureButton,
    QuotesButton,
    GapButton,
    CardButton,
    QueueButton,
    LogButton,
    ReviseButton,
    DraftButton,
    ExtendButton,
    ReportButton,
    PageButton,
    HistoryButton,
    WithdrawButton,
    NotePageButton,
    KeepOffSelect,
    ReleaseButton,
    SearchButton,
    HandOnButton,
    HandoverButton,
    GapsButton,
    HelpedButton,
    GroupSelect,
    PointSelect,
    PointButton,
    BoardButton,
    ReasonSelect,
    PrivacyButton,
    SourcesButton,
    DigestButton,
    SetupButton,
    SettingSelect,
)
