"""Every error of ours, on one page.

An error is a mistake that somebody can mend: `says` tells what happened and what to do next, in English, ready for the
catalogue (views translate it, then fill in `params`). A remote server's reply is never an error; it is a `Reply`.
"""

from typing import Any, ClassVar


def gettext_noop(text: str) -> str:
    """Marks a sentence for the catalogue; the kernel knows no framework, so it cannot translate."""
    return text


class RidaError(Exception):
    """Root of the tree. `permanent` says whether trying again unchanged could help."""

    says: ClassVar[str] = gettext_noop("Something went wrong. Please look at the log of the worker.")
    permanent: ClassVar[bool] = True

    def __init__(self, **params: Any) -> None:
        super().__init__(params)
        self.params = params

    def __str__(self) -> str:
        return self.says % self.params


# --- the machine ----------------------------------------------------------------------------------------------------


class StorageError(RidaError):
    """PostgreSQL cannot be started or reached."""

    says = gettext_noop("The database could not be used: %(reason)s")


class DatabaseAway(StorageError):
    says = gettext_noop("The database does not answer (%(reason)s). Nothing is lost; sending goes on when it is back.")
    permanent = False


class DiskFull(StorageError):
    says = gettext_noop("The disk is full (%(reason)s). Free some space; nothing is lost and the work can be repeated.")
    permanent = False


class OutcomeRefused(StorageError):
    """The database refuses an outcome, even without the words of the remote server."""

    says = gettext_noop(
        "The outcome of a message cannot be stored (%(reason)s). It is called doubtful when its lease ends; the log of "
        "the worker holds what is known of it."
    )


class SettingError(RidaError):
    """An environment variable that cannot be used."""

    says = gettext_noop("The setting %(name)s cannot be used: %(reason)s")


class RelayUnknown(SettingError):
    """Its name has no address; the parameter is `host`."""

    says = gettext_noop("This machine finds no address of the relay %(host)s.")


class SealBroken(RidaError):
    """Something kept sealed in the database that does not open."""

    says = gettext_noop(
        "What is kept for %(what)s cannot be opened: RIDA_SECRET is not the one it was sealed with, or the row was "
        "changed. Give back the secret that was in use before."
    )


# --- permission and audience ----------------------------------------------------------------------------------------


class AddressError(RidaError):
    """Text that is no e-mail address."""

    says = gettext_noop("“%(text)s” is not an e-mail address (%(code)s).")


class TokenError(RidaError):
    """A link that we did not sign, or signed for something else, or too long ago."""

    says = gettext_noop("This link is not valid any more. Please use the newest message you received from us.")


class PermissionMissing(RidaError):
    """Somebody tried to queue an address that has no resolvable permission."""

    says = gettext_noop("No permission to write to this address (%(code)s). Ask the person to sign up first.")


class OptInRefused(RidaError):
    """A program reports an opt-in that the person's own acts contradict."""

    says = gettext_noop(
        "This opt-in cannot be recorded (%(code)s). Check its date; whoever left comes back by confirmation mail only."
    )


class ImportError_(RidaError):
    """A file that cannot be read as contacts; one bad row is a report line, not an error."""

    says = gettext_noop("The file cannot be imported: %(reason)s")


class FileNotText(ImportError_):
    says = gettext_noop("The file is not a text file in a charset we can read. Save it as “CSV UTF-8” and try again.")


class FileNotTable(ImportError_):
    says = gettext_noop(
        "Line %(line)s of the file cannot be read as a table (%(detail)s). Rows before it were imported; mend the line "
        "and import the file again, nothing will be doubled."
    )


class ColumnMissing(ImportError_):
    says = gettext_noop("No column of the file holds e-mail addresses. Name one of them “email” in the first line.")


class FileEmpty(ImportError_):
    says = gettext_noop("The file holds no rows. Its first line names the columns, the people stand below it.")


class HeaderDoubled(ImportError_):
    says = gettext_noop("Two columns of the file are both “%(header)s”. Rename or delete one, then import again.")


class BasisMissing(ImportError_):
    says = gettext_noop(
        "Say why these people may be written to: choose a basis for the file, or a column that shows it."
    )


# --- campaign and launch --------------------------------------------------------------------------------------------


class ContentError(RidaError):
    """A template that cannot be read or rendered."""

    says = gettext_noop("The text of the message cannot be used, line %(line)s: %(detail)s")


class ContentTooCostly(ContentError):
    says = gettext_noop(
        "The text of the message asks for too much work (a loop that does not end, or a text that is repeated without "
        "limit). Take that part out."
    )


class HeaderInjection(ContentError):
    says = gettext_noop("The %(name)s line would hold a line break after merging. Remove it from the contact's data.")


class LaunchBlocked(RidaError):
    """Preflight found something that must be mended first; `findings` holds the codes."""

    says = gettext_noop("The campaign cannot be launched yet: %(codes)s. Open the preflight page to see what to do.")


class NobodyToWriteTo(LaunchBlocked):
    says = gettext_noop("Nobody gave permission for this topic. Import people, or choose another topic.")


class KeyUnfit(RidaError):
    """A DKIM key that must not sign, or whose domain or selector is no name."""

    says = gettext_noop("Mail cannot be signed with this key (%(code)s). Make a new one here: RSA with 2048 bits.")


class Unreachable(RidaError):
    """An address whose domain has no place for mail now."""

    says = gettext_noop(
        "Mail for %(domain)s finds no way (%(code)s). Check the address; if it is right, try again in some minutes."
    )


class ContentChanged(RidaError):
    says = gettext_noop("The content changed after preflight looked at it. Run preflight again, then launch.")


class DomainNotProved(RidaError):
    says = gettext_noop(
        "The domain %(domain)s is not proved to be yours yet. Publish its DNS records and check them on the page "
        "“Out of the sandbox”."
    )


class WrongState(RidaError):
    says = gettext_noop("That cannot be done while the campaign is %(state)s.")


class NoDomain(RidaError):
    """Text that cannot be the domain of a From address."""

    says = gettext_noop("“%(text)s” is not a domain that mail can come from. Write it like flowers.example.org.")


# --- shaping --------------------------------------------------------------------------------------------------------


class LimitOutOfRange(RidaError):
    says = gettext_noop("The limit %(name)s must lie between 1 and %(most)s.")


class PasswordInClear(RidaError):
    says = gettext_noop("A password must not travel in clear text. Choose STARTTLS (port 587) or TLS (port 465).")


class NotTested(RidaError):
    """An owner wants to approve a way that nobody has tried."""

    says = gettext_noop(
        "No message to yourself has arrived by this route yet. Send one on the page “Out of the sandbox” first, then "
        "approve."
    )


# --- accounts -------------------------------------------------------------------------------------------------------


class NotAllowed(RidaError):
    says = gettext_noop("Your role does not allow this. Ask an owner of the workspace.")


# --- the command line -----------------------------------------------------------------------------------------------


class NoSuchThing(RidaError):
    says = gettext_noop("There is no %(what)s “%(name)s” here. %(hint)s")


class BackupUnfit(RidaError):
    """A file that is no backup of ours, or one that this installation cannot read."""

    says = gettext_noop("%(file)s cannot be restored: %(reason)s. Nothing was changed.")


class DataThere(RidaError):
    says = gettext_noop(
        "The database holds data already. With --replace the backup takes their place, and they are gone; make a "
        "backup of them first."
    )


class DatabaseInUse(RidaError):
    says = gettext_noop(
        "Rida is running on this database (%(count)s connections). Stop it on every machine, then restore."
    )


class BenchMissing(RidaError):
    says = gettext_noop("There is no measurement “%(name)s” here. Run it in a checkout; its bench folder has them all.")


class PortTaken(RidaError):
    says = gettext_noop(
        "Port %(port)s is taken, perhaps by Rida itself. Stop that first, or choose another with --port."
    )


class UpAlready(RidaError):
    says = gettext_noop("Rida is up in this home already (%(home)s). Use that one, or stop it with Ctrl-C first.")


class RoleFailed(RidaError):
    says = gettext_noop("The %(role)s process ended with code %(code)s before it was ready. Its last words are above.")
