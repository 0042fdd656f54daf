"""Writes sklearn.json beside itself: logistic regressions of scikit-learn on small random features.   python3 make.py"""
import json
import pathlib

import numpy
import sklearn
from sklearn.linear_model import LogisticRegression

rng = numpy.random.default_rng(7)
cases = []
for rows, width, classes, c in [(47, 7, 3, 0.316), (31, 5, 2, 2.0), (61, 11, 5, 100.0)]:
    centers = rng.normal(size=(classes, width))
    y = numpy.arange(rows) % classes
    x = (centers[y] + 0.9 * rng.normal(size=(rows, width))).astype("float32")
    labels = [f"class {k}" for k in y]
    # the objective of every solver; this one ends nearer to its minimum than lbfgs
    m = LogisticRegression(C=c, solver="newton-cg", max_iter=1000, tol=1e-12).fit(x.astype("float64"), labels)
    cases.append({
        "rows": rows, "width": width, "c": c, "labels": labels, "x": [float(v) for v in x.ravel()],
        "coefficients": m.coef_.ravel().tolist(), "intercepts": m.intercept_.tolist(), "accuracy": m.score(x, labels),
    })
text = json.dumps({"scikit-learn": sklearn.__version__, "cases": cases})
pathlib.Path(__file__).with_name("sklearn.json").write_text(text + "\n")
