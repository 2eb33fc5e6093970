"""The registry of sources of sequences."""

from typing import Annotated

from pydantic import Field

from mnistnn.data.sequences.adding import Adding
from mnistnn.data.sequences.copying import Copying
from mnistnn.data.sequences.csv_series import CsvSeries

# Every source that an experiment can name by its `type`.
AnySequences = Annotated[Adding | Copying | CsvSeries, Field(discriminator="type")]
