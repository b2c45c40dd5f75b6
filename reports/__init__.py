"""Figures, and the report of the suite's main findings as a PDF with the data behind it.

`report(folder)` carries out the runs and writes everything; `reports.figures` also draws any
records (`figure_of_records`) and any problem of one or two dimensions (`picture_of_problem`).
"""

from reports.document import report

__all__ = ["report"]
