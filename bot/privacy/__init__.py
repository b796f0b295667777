"""Feature: `/privacy`, data of a member or guild shown, exported, deleted; question retention."""
