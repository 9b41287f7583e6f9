"""Pages stay true: who hears of what, drawn for whom."""

from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client

from consult import services
from tests.accounts import make
from tests.consult.cast import NOTE, gather
from tests.consult.wire import Socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
threaded = sync_to_async


def socket(path, client, language="zh-hans"):
    cookies = (
        f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}; django_language={language}"
    )
    headers = [
        (b"cookie", cookies.encode()),
        (b"origin", b"http://testserver"),
        (b"host", b"testserver"),
    ]
    return Socket(path, headers)


@asynccontextmanager
async def page(path, client, language="zh-hans"):
    """An open page with its first drawing, which it gets at once."""
    wire = await threaded(socket)(path, client, language)
    assert await wire.connect() is None
    wire.first = await wire.hear()
    yield wire
    await wire.close()


async def refused(path: str, client: Client) -> int | None:
    wire = await threaded(socket)(path, client)
    code: int | None = await wire.connect()
    return code


@pytest.fixture
async def cast():
    return await threaded(gather)()


@threaded
def browser(user):
    return make.signed_in(user)


async def test_the_board_hears_of_who_comes(cast):
    async with page("/ws/console/", await browser(cast.lin)) as board:
        assert "赵桂芳" not in board.first
        visit = await threaded(cast.waiting)()
        html = ""
        while f'id="visit-{visit.public_id}"' not in html:
            html = await board.hear()
        assert "赵桂芳" in html
        assert 'id="waiting" hx-swap-oob="true"' in html


async def test_other_pages_hear_only_what_waits_and_keep_their_place(cast):
    async with page("/ws/console/?at=bills", await browser(cast.lin)) as bills:
        assert 'id="waiting"' not in bills.first
        assert 'id="nav-bills" aria-current="page"' in bills.first
        await threaded(cast.waiting)()
        assert ">1<span" in await bills.hear()


async def test_the_board_of_another_house_hears_nothing(cast):
    async with page("/ws/console/", await browser(cast.wu)) as board:
        await threaded(cast.waiting)()
        assert await board.quiet()


async def test_a_colleague_of_the_house_hears_but_sees_no_patient_of_others(cast):
    async with page("/ws/console/", await browser(cast.gu)) as board:
        await threaded(cast.waiting)()
        assert "赵桂芳" not in await board.hear()


async def test_a_page_is_drawn_in_its_viewers_language(cast):
    async with page("/ws/console/", await browser(cast.lin), language="en") as board:
        assert "Today</h2>" in board.first
    async with page("/ws/console/", await browser(cast.lin)) as board:
        assert "Today</h2>" not in board.first


async def test_pages_of_a_visit_open_to_its_house_only(cast):
    visit = await threaded(cast.waiting)()
    path = f"/ws/console/visits/{visit.public_id}/"
    assert await refused(path, await browser(cast.wu)) == 4403
    assert await refused(path, await threaded(make.patient_in)(cast.zhao)) == 4403
    assert await refused("/ws/console/", await threaded(make.patient_in)(cast.zhao)) == 4403
    async with page(path, await browser(cast.lin)) as open_page:
        assert 'id="call-actions" data-phase="before"' in open_page.first
        await threaded(services.call_in)(visit, by=await threaded(lambda: cast.doctor)())
        assert 'data-phase="live"' in await open_page.hear()


async def test_what_one_page_writes_the_other_shows_as_saved_but_never_the_text(cast):
    visit = await threaded(cast.in_call)()
    async with page(f"/ws/console/visits/{visit.public_id}/", await browser(cast.lin)) as open_page:
        doctor = await threaded(lambda: cast.doctor)()
        await threaded(services.save_note)(visit, texts=NOTE, version=0, by=doctor)
        html = await open_page.hear()
        assert 'data-version="1"' in html
        assert NOTE["plan"] not in html


async def test_the_patient_sees_the_place_and_the_call(cast):
    first = await threaded(cast.waiting)(cast.qian)
    visit = await threaded(cast.waiting)()
    link = await threaded(services.new_link)(visit)
    patient = await threaded(make.patient_in)(cast.zhao)
    doctor = await threaded(lambda: cast.doctor)()
    async with page(f"/ws{link}", patient) as waiting_room:
        assert 'data-state="waiting"' in waiting_room.first
        assert cast.qian.name not in waiting_room.first
        await threaded(services.patient_absent)(first, by=doctor)
        await waiting_room.hear()
        await threaded(services.call_in)(visit, by=doctor)
        assert f'data-go="{link}call/"' in await waiting_room.hear()


async def test_a_link_without_its_patients_proof_has_no_socket(cast):
    visit = await threaded(cast.waiting)()
    link = await threaded(services.new_link)(visit)
    assert await refused(f"/ws{link}", await threaded(make.patient_in)(cast.qian)) == 4403
    assert await refused(f"/ws{link}", await browser(cast.lin)) == 4403
    assert await refused("/ws/visit/nonsense/", await threaded(make.patient_in)(cast.zhao)) == 4403


async def test_signing_out_closes_the_page_at_the_next_change(cast):
    visit = await threaded(cast.waiting)()
    link = await threaded(services.new_link)(visit)
    patient = await threaded(make.patient_in)(cast.zhao)
    async with page(f"/ws{link}", patient) as waiting_room:
        await threaded(patient.session.flush)()
        await threaded(services.call_in)(visit, by=await threaded(lambda: cast.doctor)())
        assert await waiting_room.hear() == 4403


async def test_many_changes_at_once_are_few_drawings(cast):
    async with page("/ws/console/", await browser(cast.lin)) as board:
        visit = await threaded(cast.in_call)()
        drawings = 0
        while not await board.quiet():
            drawings += bool(await board.hear())
        assert 1 <= drawings <= 6
        assert visit.state == "in_progress"
