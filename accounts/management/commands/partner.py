"""``manage.py partner``: registers the systems of partner hospitals (docs/exchange.md)."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import partners
from accounts.models import Partner
from kernel.errors import HouseError

COLUMNS = ("name", "client_id", "jwks_url", "scopes", "fhir_base")


class Command(BaseCommand):
    """``partner set ID …``, ``partner stop ID``, ``partner start ID``, ``partner list``."""

    help = "Register partner systems: SMART Backend Services clients"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command a verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        entry = verbs.add_parser("set", help="register a partner, or change what is given")
        entry.add_argument("organization", help="logical id of its FHIR Organization")
        entry.add_argument("--name", help="as people call it")
        entry.add_argument("--client-id", help="what it signs as (iss and sub)")
        entry.add_argument("--jwks", type=Path, help="file with its public keys (JWK set)")
        entry.add_argument("--jwks-url", help="address where it publishes them")
        entry.add_argument("--scopes", help='the widest: "system/Patient.rs system/Task.cruds"')
        entry.add_argument("--fhir-base", help="address of its own FHIR server")
        for verb, about in (("stop", "let it in no more"), ("start", "let it in again")):
            verbs.add_parser(verb, help=about).add_argument("organization")
        verbs.add_parser("list", help="all of them")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, or say what is wrong."""
        verb = options["verb"]
        try:
            if verb == "set":
                self._set(options)
            elif verb == "list":
                self._list()
            else:
                partners.switch(options["organization"], active=verb == "start")
        except (HouseError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _set(self, options: dict[str, Any]) -> None:
        facts = {column: options[column] for column in COLUMNS if options[column] is not None}
        if options["jwks"] is not None:
            facts["jwks"] = json.loads(options["jwks"].read_text(encoding="utf-8"))
            facts.setdefault("jwks_url", "")
        elif options["jwks_url"]:
            facts["jwks"] = None
        self._say(partners.register(options["organization"], **facts))

    def _list(self) -> None:
        for partner in Partner.objects.all():
            self._say(partner)

    def _say(self, partner: Partner) -> None:
        state = "" if partner.active else " (stopped)"
        keys = partner.jwks_url or f"{len((partner.jwks or {}).get('keys', ()))} key(s)"
        self.stdout.write(
            f"{partner.organization_id}{state}: {partner.name}, client {partner.client_id}, "
            f"{keys}, {partner.scopes}"
        )
