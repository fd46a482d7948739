"""Eight contacts whose facts are checked by hand, for the tests of the evaluation."""

from __future__ import annotations

from telecmi_mcp.sandbox import Contact

_ROWS = """
a1|919200000001|Asha|Rao|asha@acme.example|Acme Pvt Ltd|Senior Accountant
a2|919200000002|Ravi|Iyer|NA|ACME PVT. LTD.|Accountant
a3|442079460003|Meera||office@acme.example|Acme|-
a4|919200000002|Asha|Rao|OFFICE@acme.example|Acme Private Limited|Driver
b1|14155550105|John|Doe|john@borel.example|Borel GmbH|Driver
b2||Ravi|Menon||Borel Tea|n/a
c1|xyz|Uma|Nair|uma@example.com||Architect
c2|919200000008|Usha|Nair||none|
"""


def contacts() -> list[Contact]:
    """Return the contacts."""
    return [_contact(*row.split("|")) for row in _ROWS.strip().splitlines()]


def _contact(  # noqa: PLR0917 - the fields in TeleCMI's order
    contact_id: str, phone_no: str, first_name: str, last_name: str, email_id: str, company: str, job_title: str
) -> Contact:
    return Contact(
        contact_id=contact_id,
        phone_no=phone_no,
        first_name=first_name,
        last_name=last_name,
        email_id=email_id,
        company=company,
        job_title=job_title,
    )
