"""Steps that keep some features and drop the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lumbago.models.columns import Columns, Step


class Keeper(Step):
    """Pass on the features that training kept; covariates pass through.

    Attributes
    ----------
    keep_ : boolean array of shape (n_features,)
    """

    def _names(self, parts: Columns, chosen: np.ndarray) -> list[Any]:
        names = parts.names if parts.names is not None else pd.RangeIndex(parts.values.shape[1])
        return list(names[chosen])

    def transform(self, X: Any) -> Any:
        """Return the kept features of any rows."""
        parts = self._reopen(X)
        if self.keep_.all():
            return X if parts.names is not None else parts.values
        names = parts.names[self.keep_] if parts.names is not None else None
        return parts.with_values(np.ascontiguousarray(parts.values[:, self.keep_]), names)

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of all features from weights of the kept ones, 0 for the others."""
        wide = np.zeros(len(self.keep_))
        wide[self.keep_] = weights
        return wide
