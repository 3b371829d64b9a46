"""The API page needs no key, and nothing from anywhere else."""

from __future__ import annotations

import re

import httpx
import pytest
from tests.proxy.conftest import client_of

from proxysvc.app import Worker

PAGE = "/docs"
SCRIPT = "/docs/page.js"
STYLE = "/docs/style.css"
KINDS = {PAGE: "text/html", SCRIPT: "text/javascript", STYLE: "text/css"}


@pytest.mark.parametrize("path", KINDS)
async def test_each_part_is_served_to_anybody(worker: Worker, path: str) -> None:
    async with client_of(worker) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{KINDS[path]}; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.content


async def test_it_may_ask_its_own_origin_only(worker: Worker) -> None:
    async with client_of(worker) as client:
        answers = [await client.get(path) for path in KINDS]
    for answer in answers:
        policies = answer.headers.get_list("content-security-policy")
        assert len(policies) == 1
        rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
        assert rules.pop("default-src") == "'none'"
        assert set(rules.values()) <= {"'self'", "'none'"}
        assert "://" not in answer.text


async def test_what_it_names_is_there(client: httpx.AsyncClient) -> None:
    html = (await client.get(PAGE)).text
    script = (await client.get(SCRIPT)).text
    named = re.findall(r'(?:src|href)="([^"]+)"', html)
    named += re.findall(r'fetch\("([^"]+)"\)', script)
    assert {"docs/page.js", "docs/style.css", "openapi.json"} <= set(named)
    for one in named:
        # relative, so that a prefix before them is kept
        assert not one.startswith("/")
        assert (await client.get(f"/{one}")).status_code == 200
    # neither inline code nor markup made of what an answer says
    assert not re.search(r"<script>|<style>|\son\w+=|javascript:", html)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(", script)
