"""What the hospital knows and does: referrals that came in, and the answers of its duty desk."""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError

from tests.fakes.partner.chart import Body, Chart, NotAccepted, identifiers
from tests.fakes.partner.home import Home

HOUSE = "urn:tongzhen:codesystem:referral-status"
REASONS = "urn:tongzhen:codesystem:referral-decline-reason"
BSER = "http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
FAULTS = ("", "busy", "slow", "broken", "lost", "forgetful", "garbage", "redirect", "refuse")
AUTOMATIC = {
    "manual": (),
    "receive": ("receive",),
    "accept": ("receive", "accept"),
    "decline": ("receive", "decline"),
}


@dataclass(frozen=True)
class Move:
    """An answer of the desk, in the words of the Task; ``done`` is the state it leads to."""

    label: str
    done: str
    status: str
    system: str
    code: str
    after: tuple[str, ...]


MOVES = {
    "receive": Move("接收", "已接收", "received", BSER, "2.0", ("",)),
    "accept": Move("接受", "已接受", "accepted", BSER, "3.0", ("", "receive", "ask_info")),
    "ask_info": Move(
        "要补资料", "等对方补资料", "on-hold", HOUSE, "info-needed", ("receive", "accept")
    ),
    "decline": Move(
        "拒绝", "已拒绝", "rejected", BSER, "4.0", ("", "receive", "ask_info", "accept")
    ),
    "schedule": Move("安排就诊", "已安排就诊", "in-progress", BSER, "5.1.1", ("accept",)),
    "arrive": Move(
        "患者到院", "患者已到院", "in-progress", HOUSE, "arrived", ("accept", "schedule")
    ),
    "admit": Move("开始诊治", "诊治中", "in-progress", HOUSE, "in-care", ("arrive",)),
    "report_outcome": Move("报告转归", "已报告转归", "completed", BSER, "7.0", ("arrive", "admit")),
    "confirm_cancel": Move("确认取消", "已取消", "cancelled", BSER, "6.0", ("cancel-requested",)),
}
STATE_AFTER = {"cancel-requested": "cancel-requested", "received": "receive"}
STATE_WORDS = {
    "": "新到",
    "cancel-requested": "对方申请取消",
    **{name: move.done for name, move in MOVES.items()},
}


class Hospital:
    """One hospital. ``auto`` is what its desk does by itself; ``fault`` what is wrong with it.

    ``memory`` is a file in which it keeps what it knows between starts.
    """

    def __init__(
        self,
        home: Home,
        *,
        client: str = "tongzhen",
        auto: str = "manual",
        memory: Path | None = None,
    ) -> None:
        self.home = home
        self.client = client  # the service's name here
        self.auto = auto
        self.fault = ""
        self.chart = Chart()
        self.messages = 0
        self.desk: dict[str, str] = {}  # our Task's id: the last move
        self.problems: dict[str, str] = {}
        self._tokens: dict[str, float] = {}
        self._used: set[str] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._memory = memory
        if memory and memory.exists():
            kept = json.loads(memory.read_text(encoding="utf-8"))
            self.chart.resources, self.desk = kept["resources"], kept["desk"]

    # -- the door for the service

    async def token(self, form: dict[str, str], endpoint: str) -> Body:
        """Verify a client assertion and give a token of five minutes."""
        try:
            keys = await self.home.signing_keys()
            claims = jwt.decode(
                form["client_assertion"], keys, algorithms=["ES384", "RS384"]
            ).claims
        except (JoseError, KeyError, ValueError, httpx.HTTPError):
            raise NotAccepted(400, "invalid_client", "not signed by a known key") from None
        self._check(claims, endpoint)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.monotonic() + 300
        return {"access_token": token, "token_type": "bearer", "expires_in": 300}

    def _check(self, claims: Any, endpoint: str) -> None:
        now = time.time()
        if claims.get("iss") != self.client or claims.get("sub") != self.client:
            raise NotAccepted(400, "invalid_client", "unknown client")
        if claims.get("aud") != endpoint or not now < claims.get("exp", 0) <= now + 300:
            raise NotAccepted(400, "invalid_client", "not for us, or not for now")
        if claims.get("jti") in self._used:
            raise NotAccepted(400, "invalid_client", "used before")
        self._used.add(claims["jti"])

    def authorise(self, header: str) -> None:
        """Raise 401 for a token that is not, or no longer, ours."""
        if self.fault == "forgetful":
            self._tokens.clear()
            self.fault = ""
        if self._tokens.get(header.removeprefix("Bearer "), 0) < time.monotonic():
            raise NotAccepted(401, "login", "the token is unknown or over")

    def take(self, bundle: Body) -> Body:
        """Store a referral; the desk begins with it when it is new."""
        self.messages += 1
        if self.fault == "refuse":
            raise NotAccepted(422, "business-rule", "this hospital refuses")
        known = {task["id"] for task in self.chart.of_kind("Task")}
        answer = self.chart.transaction(bundle)
        for task in self.chart.of_kind("Task"):
            self._hear(task)
            if task["id"] not in known:
                self.begin(self._automatic(task["id"]))
        self._remember()
        return answer

    def _remember(self) -> None:
        if self._memory:
            kept = {"resources": self.chart.resources, "desk": self.desk}
            self._memory.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")

    def _hear(self, task: Body) -> None:
        codes = [c["code"] for c in task.get("businessStatus", {}).get("coding", [])]
        for code in codes:
            if code in STATE_AFTER and self.desk.get(task["id"]):
                self.desk[task["id"]] = STATE_AFTER[code]

    # -- the desk

    def begin(self, work: Any) -> None:
        """Do ``work`` beside the request that brought it."""
        self.loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def settled(self) -> None:
        """Return when the desk has done all that it does by itself."""
        while self._working:
            await asyncio.wait(set(self._working))

    async def _automatic(self, task_id: str) -> None:
        for move in AUTOMATIC[self.auto]:
            if not await self.answer(task_id, move):
                return

    async def answer(self, task_id: str, move: str, *, reason: str = "no-capacity") -> bool:
        """Tell the service the desk's ``move``; False when it did not take it."""
        placer = self.placer(self.chart.read(f"Task/{task_id}"))
        try:
            problem = await self._tell(placer, task_id, move, reason)
        except httpx.HTTPError as error:
            problem = f"{type(error).__name__}: {error}"
        self.problems[task_id] = problem
        if not problem:
            self.desk[task_id] = move
            self._remember()
        return not problem

    async def _tell(self, placer: str, task_id: str, move: str, reason: str) -> str:
        for _ in range(3):
            task = await self.home.find_task(placer)
            version = task["meta"]["versionId"]
            answer = await self.home.update_task(
                self.answered(task, task_id, move, reason), version=version
            )
            if answer.status_code not in (401, 412):
                break
        return "" if answer.is_success else f"{answer.status_code} {answer.text[:300]}"

    def answered(self, task: Body, task_id: str, move: str, reason: str) -> Body:
        """``task`` with the desk's ``move`` in it and our own number."""
        said = MOVES[move]
        body = {
            **task,
            "status": said.status,
            "businessStatus": {"coding": [{"system": said.system, "code": said.code}]},
        }
        numbers = [i for i in identifiers(task) if "FILL" not in str(i.get("type", ""))]
        body["identifier"] = [*numbers, self.number(task_id)]
        if move == "decline":
            body["statusReason"] = {"coding": [{"system": REASONS, "code": reason}]}
        if move == "ask_info":
            note = {"authorString": "演示医院", "text": "请补充近一周的血压记录。"}
            body["note"] = [*task.get("note", []), note]
        if move == "report_outcome":
            words = {"type": {"text": "转归"}, "valueString": "好转出院，社区随访。"}
            body["output"] = [*task.get("output", []), words]
        return body

    def number(self, task_id: str) -> Body:
        """Our own number of a referral."""
        return {
            "type": {"coding": [{"system": V2_0203, "code": "FILL"}]},
            "system": "urn:demo-hospital:referral",
            "value": f"DH-{task_id[:8]}",
        }

    def placer(self, task: Body) -> str:
        """The number that the sender gave a referral."""
        return next(str(i["value"]) for i in identifiers(task) if "PLAC" in str(i.get("type", "")))

    def moves(self, task_id: str) -> list[str]:
        """What the desk may do next with a referral."""
        return [name for name, move in MOVES.items() if self.desk.get(task_id, "") in move.after]
