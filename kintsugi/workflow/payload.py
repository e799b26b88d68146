"""What is known of one failure: the incident payload.

Its JSON Schema is `docs/payload.schema.json`, written by `python -m tools.docs` and held to this module by a test.
All text in a payload has been through the redactor when it was built, and goes through it again where it leaves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceLine(_Value):
    """One line of a source file as it was at the failing build."""

    number: int = Field(ge=1, description="line number in the file, from 1")
    text: str = Field(description="the line without its line ending")


class Frame(_Value):
    """One call on the stack."""

    path: str = Field(description="relative to the repository for in-project frames, else as it was reported")
    reported: str = Field(default="", description="the whole path as it was reported, where that is another one")
    module: str = Field(default="", description="module, package or class, where a report names it")
    candidates: tuple[str, ...] = Field(
        default=(), description="files of the repository that this may be, where nothing tells which of them it is"
    )
    line: int = Field(ge=0, description="line number, from 1; 0 where it was not reported")
    function: str = Field(default="", description="function or method; empty where it was not reported")
    code: str = Field(default="", description="the source line as it was reported with the stack")
    in_project: bool = Field(default=False, description="whether the file belongs to the repository")
    source: tuple[SourceLine, ...] = Field(default=(), description="the lines around, of in-project frames")
    variables: dict[str, str] = Field(default_factory=dict, description="redacted locals, name to repr")


class Raised(_Value):
    """One exception of the chain."""

    type: str = Field(description="qualified name of the exception class, as reported")
    message: str = ""
    frames: tuple[Frame, ...] = Field(default=(), description="outermost call first")
    link: Literal["", "cause", "context", "group"] = Field(
        default="",
        description="how the next one of the chain came of this one: 'cause' (raise … from), 'context' (while "
        "handling), 'group' (a member of the exception group that follows), empty for the last",
    )

    @property
    def own(self) -> tuple[Frame, ...]:
        """The frames in the project."""
        return tuple(frame for frame in self.frames if frame.in_project)


class Failure(_Value):
    """The exception chain, in the order Python prints it: the first one raised first."""

    language: str = Field(
        default="python", description="python, node, java, dotnet, go, rust, ruby, php, elixir or unknown"
    )
    chain: tuple[Raised, ...] = Field(min_length=1)
    complete: bool = Field(default=True, description="false where the report was visibly cut short")

    @property
    def final(self) -> Raised:
        """The exception that reached the top."""
        return self.chain[-1]

    @property
    def innermost(self) -> Frame | None:
        """The in-project frame nearest to the failing line, or None where the project has none on the stack."""
        own = [frame for raised in self.chain for frame in raised.own]
        last = [frame for raised in self._raisers for frame in raised.own]
        return next(reversed(last or own), None)

    @property
    def telling(self) -> Raised:
        """The exception that says what failed: the last, or where that only gathers others, the first of these.

        That is the one that a proof is asked for.
        """
        return next((raised for raised in self._raisers if raised.own), self._raisers[0])

    @property
    def _raisers(self) -> tuple[Raised, ...]:
        """The last exception, or where it only gathers others, those of its group."""
        if len(self.chain) > 1 and self.chain[-2].link == "group":
            return tuple(raised for raised in self.chain if raised.link == "group")
        return (self.final,)


class Capsule(_Value):
    """The call by which it failed, at the outermost frame of the project, written down to be made again."""

    module: str = Field(description="the module that the function lies in, as it is imported")
    function: str = Field(description="the function's qualified name")
    source: str = Field(default="", description="a pytest file that makes the same call; empty where there is none")
    why_not: str = Field(default="", description="why the call could not be written down")
    in_part: str = Field(
        default="",
        description="how much of the call it is: what a report shows of it, or an inner one where it holds a secret",
    )


class About(_Value):
    """Which incident this is."""

    id: int | None = Field(default=None, description="given when the incident is recorded")
    fingerprint: str = Field(description="versioned, such as v2:6f1d…: the same failure has the same one")
    earlier: tuple[str, ...] = Field(default=(), description="its fingerprints under older versions, newest first")
    grouped_by: str = Field(default="", description="what the fingerprint was made of, in words")
    kin: str = Field(default="", description="what it has in common with failures that differ from it in words alone")
    summary: str
    opened_by: str = Field(description="source and name, such as discord:1234 or cli:root")
    page: str = Field(default="", description="the report's own page, where it names one, without its query")

    @property
    def names(self) -> tuple[str, ...]:
        """The failure's fingerprints, of the newest version first."""
        return (self.fingerprint, *self.earlier)


class Occurred(_Value):
    """When it happened, and how often."""

    first: AwareDatetime
    last: AwareDatetime
    count: int = Field(default=1, ge=1)


class RequestContext(_Value):
    """What was being asked of the program when it failed."""

    user: str | None = None
    channel: str | None = None
    intent: str | None = Field(default=None, description="the command, route or handler")
    entities: dict[str, Any] = Field(default_factory=dict, description="the options or parameters")


class Build(_Value):
    """What was running."""

    sha: str | None = Field(default=None, description="the commit the program was built from")
    environment: str = "development"
    python: str | None = None
    packages: dict[str, str] = Field(default_factory=dict, description="name to version")


class Repository(_Value):
    """Where its code is."""

    name: str = Field(description="owner/name, or the folder's name")
    branch: str = "main"


class Payload(_Value):
    """All that is known of one failure."""

    version: Literal[1] = 1
    incident: About
    occurred: Occurred
    request: RequestContext = RequestContext()
    exception: Failure | None = Field(default=None, description="null where somebody told of it in words")
    capsule: Capsule | None = Field(default=None, description="the failing call itself, where it was written down")
    pointed: str = Field(default="", description="where a person says that it lies, such as shop/chart.py:month_of")
    log: tuple[str, ...] = Field(default=(), description="the recent lines, oldest first, redacted")
    build: Build = Build()
    repository: Repository | None = None
    unread: tuple[str, ...] = Field(
        default=(), description="fields of the report that did not fit and were left out, such as exception.0.module"
    )

    @property
    def in_words(self) -> bool:
        """Whether no crash is behind it: somebody or something told of it in words."""
        return self.exception is None

    def outline(self) -> Payload:
        """What is kept of it for good: which failure, when and on which build; nothing that anybody said or did."""
        build = Build(sha=self.build.sha, environment=self.build.environment)
        return Payload(incident=self.incident, occurred=self.occurred, build=build, repository=self.repository)

    def numbered(self, incident: int, *, last: datetime, count: int) -> Payload:
        """This payload as it is shown: with the incident's id and its present count."""
        return self.model_copy(
            update={
                "incident": self.incident.model_copy(update={"id": incident}),
                "occurred": self.occurred.model_copy(update={"last": last, "count": count}),
            }
        )
