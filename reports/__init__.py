"""Figures, and the report of the suite's main findings as a PDF with the data behind it.

`report(folder)` carries out the runs and writes everything; `catalogue(folder)` writes a page with
the card and a picture of every problem; `reports.figures` also draws any records
(`figure_of_records`) and any problem of one or two dimensions (`picture_of_problem`).
"""

from reports.document import report
from reports.gallery import catalogue

__all__ = ["catalogue", "report"]
